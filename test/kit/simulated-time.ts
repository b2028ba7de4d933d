// Time under the test's control: a task list in order of due time, then of creation. The real timer
// wheel runs on its alarms and MemoryNetwork delivers through it, so a whole proxy runs on it.
import { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { RandomGenerator } from "../../src/platform/random.ts";
import type { Alarm, AlarmFactory, TimeSource } from "../../src/platform/time.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A function that runs at a moment of simulated time. */
export class SimulatedTask {
  readonly dueMs: number;
  readonly label: string;
  readonly order: number;
  run: (() => void) | null;

  constructor(dueMs: number, order: number, label: string, run: () => void) {
    this.dueMs = dueMs;
    this.order = order;
    this.label = label;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

const DEFAULT_TASKS_MAX = 1_000_000;

export class SimulatedTime implements TimeSource {
  /** Makes alarms for a real `TimerWheel`. */
  readonly alarm: AlarmFactory;
  /** Throws that reached the outermost callback of a dispatcher made here. */
  readonly bugs: unknown[] = [];
  private nowMs: number;
  private readonly wallOffsetMs: number;
  private readonly tasksMax: number;
  private heap: SimulatedTask[] = [];
  private order = 0;

  /** Starts at 1 000 ms monotonic and 2024-01-01T00:00:00Z wall time. */
  constructor(startMs: number = 1000, tasksMax: number = DEFAULT_TASKS_MAX) {
    this.nowMs = startMs;
    this.wallOffsetMs = Date.UTC(2024, 0, 1) - startMs;
    this.tasksMax = tasksMax;
    this.alarm = (wakeUp) => new SimulatedAlarm(this, wakeUp);
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.wallOffsetMs + this.nowMs;
  }

  /** A dispatcher on this time. Its bugs are collected in `bugs`. */
  dispatcher(random: RandomGenerator = new SeededRandom(1)): Dispatcher {
    return new Dispatcher({
      time: this,
      alarm: this.alarm,
      random,
      defer: (run) => void this.after(0, run, "deferred flush"),
      onBug: (error) => void this.bugs.push(error),
    });
  }

  /** Runs a function after a delay, once. */
  after(delayMs: number, run: () => void, label: string = "task"): SimulatedTask {
    const task = new SimulatedTask(this.nowMs + Math.max(0, delayMs), this.order++, label, run);
    push(this.heap, task);
    return task;
  }

  /** Lets the given time pass; promise continuations run between tasks. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await turn();
    for (let count = 0; this.runNext(endMs); count++) {
      this.check(count);
      await turn();
    }
    this.nowMs = endMs;
  }

  /**
   * As `advance`, without letting promise continuations run: fast, for code that uses callbacks.
   */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let count = 0; this.runNext(endMs); count++) this.check(count);
    this.nowMs = endMs;
  }

  /** Advances in steps of at most `stepMs` until the condition holds; throws after `limitMs`. */
  async until(condition: () => boolean, limitMs: number = 60_000): Promise<void> {
    const endMs = this.nowMs + limitMs;
    await turn();
    while (!condition()) {
      if (this.nowMs >= endMs) throw new Error(`still waiting after ${limitMs} simulated ms`);
      if (!this.runNext(endMs)) this.nowMs = endMs;
      await turn();
    }
  }

  /** Labels and due times of everything that will still run. */
  pending(): string[] {
    return this.heap
      .filter((task) => task.run !== null)
      .sort(byDue)
      .map((task) => `${task.label} at ${task.dueMs} ms`);
  }

  private runNext(endMs: number): boolean {
    for (;;) {
      const task = this.heap[0];
      if (task === undefined || task.dueMs > endMs) return false;
      pop(this.heap);
      if (task.run === null) continue;
      this.nowMs = Math.max(this.nowMs, task.dueMs);
      const run = task.run;
      task.run = null;
      run();
      return true;
    }
  }

  private check(count: number): void {
    if (count < this.tasksMax) return;
    const some = this.pending().slice(0, 20).join("\n  ");
    throw new Error(`more than ${this.tasksMax} tasks in one advance; pending:\n  ${some}`);
  }
}

class SimulatedAlarm implements Alarm {
  private readonly time: SimulatedTime;
  private readonly wakeUp: () => void;
  private task: SimulatedTask | null = null;

  constructor(time: SimulatedTime, wakeUp: () => void) {
    this.time = time;
    this.wakeUp = wakeUp;
  }

  set(delayMs: number): void {
    this.clear();
    this.task = this.time.after(delayMs, this.wakeUp, "alarm");
  }

  clear(): void {
    this.task?.cancel();
    this.task = null;
  }
}

/** One turn of the real event loop: every promise continuation that can run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function byDue(a: SimulatedTask, b: SimulatedTask): number {
  return a.dueMs - b.dueMs || a.order - b.order;
}

function push(heap: SimulatedTask[], task: SimulatedTask): void {
  let at = heap.length;
  heap.push(task);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (byDue(heap[parent]!, task) <= 0) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = task;
}

function pop(heap: SimulatedTask[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && byDue(heap[child + 1]!, heap[child]!) < 0) child++;
    if (byDue(heap[child]!, last) >= 0) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
