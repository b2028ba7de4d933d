import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSchedule } from "../../../bench/load/generator/schedule.ts";

const SHAPE = { requestsPerSecond: 1000, seconds: 2, connections: 16, jitter: 0.1, seed: 7 };

test("a schedule has rate × seconds requests in rising order, shared out evenly", () => {
  const { intendedMicros, connection } = buildSchedule(SHAPE);
  assert.equal(intendedMicros.length, 2000);
  assert.ok(intendedMicros.every((at, index) => index === 0 || at >= intendedMicros[index - 1]!));
  const perConnection = new Map<number, number>();
  for (const index of connection) perConnection.set(index, (perConnection.get(index) ?? 0) + 1);
  assert.equal(perConnection.size, 16);
  assert.ok([...perConnection.values()].every((count) => count === 125));
});

test("each connection keeps its own pace within the jitter", () => {
  const { intendedMicros, connection } = buildSchedule(SHAPE);
  const own = [...intendedMicros].filter((_, index) => connection[index] === 3);
  const period = 16_000;
  own.forEach((at, turn) => {
    const exact = 3000 + turn * period;
    assert.ok(Math.abs(at - exact) <= period * 0.1 + 1e-6, `turn ${turn}: ${at} against ${exact}`);
  });
});

test("a seed gives the same schedule again, another seed another one", () => {
  const first = buildSchedule(SHAPE).intendedMicros;
  assert.deepEqual(buildSchedule(SHAPE).intendedMicros, first);
  assert.notDeepEqual(buildSchedule({ ...SHAPE, seed: 8 }).intendedMicros, first);
});

test("without jitter the gaps are equal", () => {
  const { intendedMicros } = buildSchedule({ ...SHAPE, jitter: 0 });
  assert.deepEqual([...intendedMicros.slice(0, 4)], [0, 1000, 2000, 3000]);
});
