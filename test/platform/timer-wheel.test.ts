import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TimerOwner } from "../../src/platform/time.ts";
import { TimerPool } from "../../src/platform/timer-pool.ts";
import { TimerWheel } from "../../src/platform/timer-wheel.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";

class Owner implements TimerOwner {
  readonly fired: [number, number][] = [];
  private readonly time: SimulatedTime;

  constructor(time: SimulatedTime) {
    this.time = time;
  }

  onTimer(kind: number): void {
    this.fired.push([kind, this.time.monotonicMs() - 1000]);
  }
}

function wheel(): { time: SimulatedTime; timers: TimerWheel; owner: Owner } {
  const time = new SimulatedTime(1000);
  return { time, timers: new TimerWheel(time, time.alarm), owner: new Owner(time) };
}

describe("TimerWheel", () => {
  it("never fires early, and at most 1/64 of the delay plus a millisecond late", () => {
    const { time, timers } = wheel();
    const random = new SeededRandom(3);
    const late: string[] = [];
    for (let count = 0; count < 2000; count++) {
      const delayMs = random.below(10 ** (1 + random.below(6)));
      const armedMs = time.monotonicMs();
      timers.after(delayMs, () => {
        const tookMs = time.monotonicMs() - armedMs;
        if (tookMs < delayMs || tookMs > delayMs + delayMs / 64 + 2) {
          late.push(`${delayMs} ms took ${tookMs}`);
        }
      });
      time.run(random.below(40));
    }
    time.run(2_000_000);
    assert.deepEqual(late, []);
    assert.equal(timers.armedCount, 0);
    assert.deepEqual(time.pending(), []);
  });

  it("fires once, with its kind", () => {
    const { time, timers, owner } = wheel();
    timers.create(owner, 7).arm(50);
    time.run(1000);
    assert.deepEqual(owner.fired, [[7, 50]]);
  });

  it("re-arming moves the deadline in both directions", () => {
    const { time, timers, owner } = wheel();
    const later = timers.create(owner, 1);
    const sooner = timers.create(owner, 2);
    later.arm(50);
    sooner.arm(5000);
    time.run(40);
    later.arm(50);
    sooner.arm(10);
    time.run(10_000);
    assert.deepEqual(owner.fired, [
      [2, 50],
      [1, 90],
    ]);
  });

  it("a disarmed or closed timer does not fire, and may be armed again", () => {
    const { time, timers, owner } = wheel();
    const timer = timers.create(owner, 1);
    timer.arm(50);
    timer.disarm();
    assert.equal(timer.armed, false);
    time.run(20);
    timer.arm(50);
    assert.equal(timer.armed, true);
    time.run(100);
    timer.arm(50);
    timer.close();
    time.run(100);
    assert.deepEqual(owner.fired, [[1, 70]]);
    assert.equal(timers.armedCount, 0);
  });

  it("a timer may arm itself, others and close others while the wheel runs", () => {
    const { time, timers, owner } = wheel();
    const victim = timers.create(owner, 9);
    const fired: number[] = [];
    const first = timers.after(10, () => {
      victim.close();
      fired.push(time.monotonicMs() - 1000);
      if (fired.length < 3) first.arm(0);
    });
    victim.arm(10);
    time.run(100);
    assert.equal(fired.length, 3);
    assert.ok(owner.fired.length === 0 || owner.fired[0]?.[1] === 10);
    assert.equal(timers.armedCount, 0);
  });

  it("a throw leaves the other timers armed", () => {
    const { time, timers, owner } = wheel();
    for (let kind = 0; kind < 5; kind++) {
      timers.create(owner, kind).arm(10);
      timers.after(10, () => {
        throw new Error("bug");
      });
    }
    let throws = 0;
    for (let round = 0; round < 20; round++) {
      try {
        time.run(100);
      } catch {
        throws++;
      }
    }
    assert.equal(throws, 5);
    const kinds = owner.fired.map(([kind]) => kind).sort();
    assert.deepEqual(kinds, [0, 1, 2, 3, 4]);
  });

  it("keep-alive re-arming touches the wheel's alarm seldom", () => {
    const time = new SimulatedTime(1000);
    let wakeUps = 0;
    const timers = new TimerWheel(time, (wakeUp) =>
      time.alarm(() => {
        wakeUps++;
        wakeUp();
      }),
    );
    const owner = new Owner(time);
    const timer = timers.create(owner, 0);
    for (let request = 0; request < 10_000; request++) {
      timer.arm(60_000);
      time.run(10);
    }
    assert.deepEqual(owner.fired, []);
    assert.ok(wakeUps < 100, `${wakeUps} wake-ups for 10 000 re-armings`);
  });
});

describe("TimerPool", () => {
  it("lends a timer to one owner at a time", () => {
    const { time, timers, owner } = wheel();
    const pool = new TimerPool(timers);
    const other = new Owner(time);
    const first = pool.acquire(owner, 1);
    first.arm(50);
    pool.release(first);
    const second = pool.acquire(other, 2);
    assert.equal(second, first);
    time.run(100);
    assert.deepEqual([owner.fired, other.fired], [[], []]);
    second.arm(10);
    time.run(100);
    assert.deepEqual([owner.fired, other.fired], [[], [[2, 110]]]);
  });
});
