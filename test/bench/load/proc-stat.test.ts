import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cpuMicrosBetween,
  parseBusyTicks,
  parseProcStat,
  parseSchedstat,
  parseSmapsRollup,
  readCpu,
  readMemory,
  selectTree,
} from "../../../bench/load/processes/proc-stat.ts";

const STAT =
  "4242 (nginx: worker (x) 1) S 4200 4200 4200 0 -1 4194560 34563 970440 0 683 26 208 1489 791 20 0 1 0 24 4728 39 18446744073709551615";

test("a stat line is read past a command with spaces and parentheses", () => {
  assert.deepEqual(parseProcStat(STAT), {
    pid: 4242,
    command: "nginx: worker (x) 1",
    parentPid: 4200,
    userTicks: 26,
    systemTicks: 208,
    waitedChildrenTicks: 1489 + 791,
  });
  assert.throws(() => parseProcStat("no parentheses here"), /not a stat line/);
});

test("smaps_rollup gives RSS, PSS and private dirty, and not their neighbours", () => {
  const text = `55d0c7a00000-7ffd5d5fe000 ---p 00000000 00:00 0    [rollup]
Rss:               45120 kB
Pss:               21077 kB
Pss_Dirty:          9999 kB
Shared_Dirty:        123 kB
Private_Clean:       456 kB
Private_Dirty:      8700 kB
`;
  assert.deepEqual(parseSmapsRollup(text), { rssKb: 45120, pssKb: 21077, privateDirtyKb: 8700 });
});

test("schedstat gives nanoseconds on a CPU", () => {
  assert.equal(parseSchedstat("170386651 12189593 437\n"), 170386651);
});

test("busy ticks leave out idle, waiting and interrupts", () => {
  assert.equal(parseBusyTicks("cpu  100 2 30 9999 403 7 1500 25 0 0\ncpu0 1 1 1 1"), 157);
});

test("a tree holds children of children and nobody else", () => {
  const stat = (pid: number, parentPid: number) => ({
    pid,
    command: "x",
    parentPid,
    userTicks: 0,
    systemTicks: 0,
    waitedChildrenTicks: 0,
  });
  const stats = [stat(1, 0), stat(30, 20), stat(10, 1), stat(20, 10), stat(11, 1)];
  assert.deepEqual(
    selectTree(10, stats).map(({ pid }) => pid),
    [10, 20, 30],
  );
  assert.deepEqual(selectTree(99, stats), []);
});

test("short bursts take the scheduler's count, long ones and ended processes utime+stime", () => {
  const reading = (tickMicros: number, exactMicros: number | null, processes = 1) => ({
    tickMicros,
    exactMicros,
    processes,
  });
  const zero = reading(0, 0);
  assert.equal(cpuMicrosBetween(zero, reading(10_000, 4_321)), 4_321);
  assert.equal(cpuMicrosBetween(zero, reading(3_000_000, 2_996_000)), 3_000_000);
  assert.equal(cpuMicrosBetween(reading(0, null), reading(50_000, null)), 50_000);
  // A child did 900 ms of work and was gone at the second reading.
  assert.equal(cpuMicrosBetween(zero, reading(1_000_000, 100_000)), 1_000_000);
  assert.equal(cpuMicrosBetween(reading(0, 0, 2), reading(40_000, 35_000, 1)), 40_000);
});

test("this process has CPU time and memory", { skip: process.platform !== "linux" }, () => {
  const before = readCpu(process.pid);
  const memory = readMemory(process.pid);
  assert.ok(before !== null && before.tickMicros > 0);
  assert.ok(memory !== null && memory.rssKb > memory.privateDirtyKb && memory.privateDirtyKb > 0);
  assert.equal(readCpu(2 ** 30), null);
});
