// Reads what the kernel says about a process tree: CPU time and memory. The text parsers are pure;
// the readers need Linux /proc and answer null elsewhere.
import { readdirSync, readFileSync } from "node:fs";

/** What one `/proc/PID/stat` line says, in clock ticks (10 ms on Linux as user space sees it). */
export interface ProcStat {
  readonly pid: number;
  readonly command: string;
  readonly parentPid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  /** CPU of children that ended and were waited for: short-lived helpers count for their parent. */
  readonly waitedChildrenTicks: number;
}

export interface Memory {
  readonly rssKb: number;
  /** Proportional set size: shared pages divided among the processes that map them. */
  readonly pssKb: number;
  /** Pages that only this process has and has written to. */
  readonly privateDirtyKb: number;
}

/** A reading of a whole process tree. */
export interface CpuReading {
  /** utime+stime of every process of the tree, plus its waited-for children. Steps of 10 ms. */
  readonly tickMicros: number;
  /** The scheduler's own nanosecond count over all live threads, in µs; null where unreadable. */
  readonly exactMicros: number | null;
  readonly processes: number;
}

const MICROS_PER_TICK = 10_000;

/** Below this the 10 ms steps of utime+stime are too coarse and the scheduler's count is used. */
const COARSE_BELOW_MICROS = 2_000_000;

/**
 * Parses `/proc/PID/stat`. The command may hold spaces and parentheses: it ends at the last one.
 */
export function parseProcStat(text: string): ProcStat {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) throw new Error(`not a stat line: ${text.slice(0, 60)}`);
  const fields = text.slice(close + 2).split(" ");
  const numberAt = (index: number): number => Number(fields[index] ?? Number.NaN);
  // Fields are numbered from 1 in proc(5); state is field 3, our index 0.
  return {
    pid: Number(text.slice(0, open).trim()),
    command: text.slice(open + 1, close),
    parentPid: numberAt(1),
    userTicks: numberAt(11),
    systemTicks: numberAt(12),
    waitedChildrenTicks: numberAt(13) + numberAt(14),
  };
}

/** Parses `/proc/PID/smaps_rollup`. */
export function parseSmapsRollup(text: string): Memory {
  const field = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text);
    return match === null ? 0 : Number(match[1]);
  };
  return {
    rssKb: field("Rss"),
    pssKb: field("Pss"),
    privateDirtyKb: field("Private_Dirty"),
  };
}

/** First number of `/proc/PID/task/TID/schedstat`: nanoseconds on a CPU. */
export function parseSchedstat(text: string): number {
  return Number(text.trim().split(" ")[0]);
}

/** The process ids of the tree under `rootPid`, root first. Pure over the given stats. */
export function selectTree(rootPid: number, stats: readonly ProcStat[]): readonly ProcStat[] {
  const chosen = stats.filter((stat) => stat.pid === rootPid);
  for (let index = 0; index < chosen.length; index++) {
    const parent = chosen[index];
    if (parent !== undefined) {
      chosen.push(...stats.filter((s) => s.parentPid === parent.pid && s.pid !== parent.pid));
    }
  }
  return chosen;
}

/** CPU µs between two readings of one tree: exact for short bursts, utime+stime otherwise. */
export function cpuMicrosBetween(before: CpuReading, after: CpuReading): number {
  const ticks = after.tickMicros - before.tickMicros;
  if (before.exactMicros === null || after.exactMicros === null) return ticks;
  const exact = after.exactMicros - before.exactMicros;
  // A process or thread that ended inside the window takes its exact count with it.
  const lostTask = exact < ticks - 2 * MICROS_PER_TICK || after.processes < before.processes;
  return ticks >= COARSE_BELOW_MICROS || lostTask ? ticks : exact;
}

/** Busy ticks of all cores from the first line of `/proc/stat`, without interrupts. */
export function parseBusyTicks(text: string): number {
  const fields = (text.split("\n")[0] ?? "").trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = fields;
  return user + nice + system + steal;
}

/** CPU µs that everything on this machine has used; null without /proc. */
export function readMachineBusyMicros(): number | null {
  const text = readText("/proc/stat");
  return text === null ? null : parseBusyTicks(text) * MICROS_PER_TICK;
}

/** CPU ns of every thread of a process, by thread id; empty without /proc. */
export function readThreadCpu(pid: number): ReadonlyMap<string, number> {
  const folder = `/proc/${pid}/task`;
  const tids = (() => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  })();
  return new Map(
    tids.map((tid) => [tid, parseSchedstat(readText(`${folder}/${tid}/schedstat`) ?? "0")]),
  );
}

/** Reads CPU time of the tree under `rootPid`; null without /proc or when the process is gone. */
export function readCpu(rootPid: number): CpuReading | null {
  const tree = readTree(rootPid);
  if (tree.length === 0) return null;
  let ticks = 0;
  let exactNanos: number | null = 0;
  for (const stat of tree) {
    ticks += stat.userTicks + stat.systemTicks + stat.waitedChildrenTicks;
    const nanos = readThreadNanos(stat.pid);
    exactNanos = nanos === null || exactNanos === null ? null : exactNanos + nanos;
  }
  return {
    tickMicros: ticks * MICROS_PER_TICK,
    exactMicros: exactNanos === null ? null : exactNanos / 1000,
    processes: tree.length,
  };
}

/** Sums the memory of the tree under `rootPid`; null without /proc or when the process is gone. */
export function readMemory(rootPid: number): Memory | null {
  const tree = readTree(rootPid);
  const all: Memory[] = [];
  for (const stat of tree) {
    const text = readText(`/proc/${stat.pid}/smaps_rollup`);
    if (text !== null) all.push(parseSmapsRollup(text));
  }
  const sum = (pick: (memory: Memory) => number): number =>
    all.reduce((total, memory) => total + pick(memory), 0);
  if (all.length === 0) return null;
  return {
    rssKb: sum((memory) => memory.rssKb),
    pssKb: sum((memory) => memory.pssKb),
    privateDirtyKb: sum((memory) => memory.privateDirtyKb),
  };
}

/** The process ids of the tree under `rootPid`, root first; empty without /proc. */
export function treePids(rootPid: number): readonly number[] {
  return readTree(rootPid).map((stat) => stat.pid);
}

function readTree(rootPid: number): readonly ProcStat[] {
  const stats: ProcStat[] = [];
  for (const name of listFolder("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = readText(`/proc/${name}/stat`);
    if (text !== null) stats.push(parseProcStat(text));
  }
  return selectTree(rootPid, stats);
}

function readThreadNanos(pid: number): number | null {
  let nanos = 0;
  for (const thread of listFolder(`/proc/${pid}/task`)) {
    const text = readText(`/proc/${pid}/task/${thread}/schedstat`);
    if (text === null) return null;
    nanos += parseSchedstat(text);
  }
  return nanos;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
