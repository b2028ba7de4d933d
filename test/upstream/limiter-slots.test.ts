// Counts and token buckets that several data planes share, on simulated time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createLimiterSlots,
  LimiterSlots,
  reclaimLimiterSlots,
  type SharedTokenBucket,
} from "../../src/upstream/limiter-slots.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";

function buckets(maxTokens: number, tokensPerFill: number, fillIntervalMs: number, planes = 1) {
  const time = new SimulatedTime();
  const handle = createLimiterSlots(planes);
  const rate = { maxTokens, tokensPerFill, fillIntervalMs };
  const made = Array.from({ length: planes }, (_, plane) =>
    new LimiterSlots(handle, plane).bucket("one", rate, time),
  );
  const take = (count: number, from: number = 0): number =>
    Array.from({ length: count }, () => (made[from] as SharedTokenBucket).tryConsume()).filter(
      Boolean,
    ).length;
  return { time, take, handle, made, rate };
}

describe("SharedTokenBucket", () => {
  it("starts full and refills continuously, as semantics §10.17 says", () => {
    const { time, take } = buckets(10, 10, 60_000);
    assert.equal(take(11), 10);
    time.run(5_999);
    assert.equal(take(1), 0);
    time.run(1);
    assert.equal(take(2), 1);
    time.run(12_000);
    assert.equal(take(3), 2);
  });

  it("never holds more than its maximum", () => {
    const { time, take } = buckets(3, 100, 50);
    time.run(1_000_000);
    assert.equal(take(10), 3);
  });

  it("adds up fractions of a token over many looks", () => {
    const { time, take } = buckets(1, 1, 1000);
    assert.equal(take(1), 1);
    let taken = 0;
    for (let step = 0; step < 10_000; step++) {
      time.run(1);
      taken += take(1);
    }
    assert.ok(taken >= 9 && taken <= 10, `${taken} tokens in 10 s`);
  });

  it("is one bucket for all data planes", () => {
    const { time, take } = buckets(5, 1, 1000, 3);
    assert.deepEqual([take(2, 0), take(2, 1), take(2, 2), take(1, 0)], [2, 2, 1, 0]);
    time.run(1000);
    assert.deepEqual([take(1, 1), take(1, 2)], [1, 0]);
  });

  it("takes all that is asked for, or nothing", () => {
    const { made } = buckets(5, 1, 1000);
    const [bucket] = made as [SharedTokenBucket];
    assert.deepEqual(
      [bucket.tryConsume(6), bucket.tryConsume(5), bucket.tryConsume(1)],
      [false, true, false],
    );
  });

  it("shows what is left without taking it", () => {
    const { time, made, take } = buckets(4, 2, 1000);
    const [bucket] = made as [SharedTokenBucket];
    take(4);
    time.run(250);
    assert.equal(bucket.remaining, 0.5);
    assert.equal(bucket.remaining, 0.5);
  });

  it("denies while another data plane is ahead in time, and never goes back", () => {
    const handle = createLimiterSlots(2);
    const rate = { maxTokens: 1, tokensPerFill: 1, fillIntervalMs: 1000 };
    const clock = { nowMs: 1000, monotonicMs: () => clock.nowMs, wallMs: () => 0 };
    const late = { monotonicMs: () => 999, wallMs: () => 0 };
    const ahead = new LimiterSlots(handle, 0).bucket("one", rate, clock);
    const behind = new LimiterSlots(handle, 1).bucket("one", rate, late);
    assert.deepEqual(
      [ahead.tryConsume(), behind.tryConsume(), ahead.tryConsume()],
      [true, false, false],
    );
    clock.nowMs = 2000;
    assert.equal(ahead.tryConsume(), true);
  });

  it("is full again for the next holder of a slot that was given back", () => {
    const { made, take, handle, rate, time } = buckets(2, 1, 60_000);
    assert.equal(take(2), 2);
    made[0]?.close();
    assert.equal(new LimiterSlots(handle, 0).bucket("two", rate, time).remaining, 2);
  });

  it("serves this data plane alone when every slot is taken", () => {
    const { handle, rate, time } = buckets(1, 1, 1000);
    const slots = new LimiterSlots(handle, 0);
    for (let index = 0; index < 65_536; index++) slots.bucket(`b${index}`, rate, time);
    const first = slots.bucket("late", rate, time);
    const second = slots.bucket("later", rate, time);
    assert.deepEqual(
      [first.tryConsume(), first.tryConsume(), second.tryConsume()],
      [true, false, true],
    );
    const count = slots.count("late");
    assert.deepEqual([count.tryAcquire(1), count.tryAcquire(1)], [true, false]);
  });
});

describe("SharedCount", () => {
  it("lets exactly so many through over all data planes", () => {
    const handle = createLimiterSlots(2);
    const counts = [0, 1].map((plane) => new LimiterSlots(handle, plane).count("one"));
    const passed = Array.from({ length: 10 }, (_, turn) => counts[turn % 2]?.tryAcquire(7));
    assert.equal(passed.filter(Boolean).length, 7);
    counts[0]?.release();
    assert.equal(counts[1]?.value, 6);
    assert.equal(counts[1]?.tryAcquire(7), true);
  });

  it("forgets what a dead data plane held", () => {
    const handle = createLimiterSlots(2);
    const [own, other] = [0, 1].map((plane) => new LimiterSlots(handle, plane).count("one"));
    for (let times = 0; times < 3; times++) own?.tryAcquire(10);
    other?.tryAcquire(10);
    reclaimLimiterSlots(handle, 0);
    assert.equal(other?.value, 1);
  });

  it("keeps a late release of a closed count from the slot's next owner", () => {
    const handle = createLimiterSlots(1);
    const slots = new LimiterSlots(handle, 0);
    const old = slots.count("old");
    old.tryAcquire(1);
    old.close();
    const next = slots.count("next");
    next.tryAcquire(5);
    old.release();
    assert.equal(next.value, 1);
  });
});
