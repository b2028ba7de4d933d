import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../src/config/runtime.ts";
import type { RandomGenerator } from "../../../src/platform/random.ts";
import {
  baseInterval,
  type HealthCheckIntervals,
  type HealthTransition,
  withJitter,
} from "../../../src/upstream/health/health-check-interval.ts";

const INTERVALS: HealthCheckIntervals = {
  intervalMs: 1,
  noTrafficMs: 2,
  noTrafficHealthyMs: 3,
  unhealthyMs: 4,
  unhealthyEdgeMs: 5,
  healthyEdgeMs: 6,
  initialJitterMs: 0,
  jitterMs: 0,
  jitterPercent: 0,
};

/** success, transition, usedBefore → which interval. */
const CASES: readonly (readonly [
  boolean,
  HealthTransition,
  boolean,
  keyof HealthCheckIntervals,
])[] = [
  [true, "unchanged", true, "intervalMs"],
  [true, "changed", true, "intervalMs"],
  [true, "pending", true, "healthyEdgeMs"],
  [false, "unchanged", true, "unhealthyMs"],
  [false, "changed", true, "unhealthyMs"],
  [false, "pending", true, "unhealthyEdgeMs"],
  [true, "unchanged", false, "noTrafficHealthyMs"],
  [true, "changed", false, "noTrafficHealthyMs"],
  [true, "pending", false, "noTrafficMs"],
  [false, "unchanged", false, "noTrafficMs"],
  [false, "changed", false, "noTrafficMs"],
  [false, "pending", false, "noTrafficMs"],
];

function drawing(fraction: number): RandomGenerator {
  return { uint32: () => Math.floor(fraction * 2 ** 32), uuid: () => "" };
}

function runtime(values: Readonly<Record<string, number>>): RuntimeSnapshot {
  return { ...DEFAULT_RUNTIME, getInteger: (key, unset) => values[key] ?? unset };
}

describe("baseInterval", () => {
  for (const [success, transition, used, name] of CASES) {
    const traffic = used ? "with" : "without";
    it(`is ${name} after a ${success ? "success" : "failure"}, ${transition}, ${traffic} traffic`, () => {
      assert.equal(baseInterval(INTERVALS, success, transition, used), INTERVALS[name]);
    });
  }
});

describe("withJitter", () => {
  it("adds a part of the percentage and a part of the jitter", () => {
    assert.equal(withJitter(1000, 100, 20, drawing(0), DEFAULT_RUNTIME), 1000);
    assert.equal(withJitter(1000, 100, 20, drawing(0.5), DEFAULT_RUNTIME), 1150);
    assert.equal(withJitter(1000, 100, 20, drawing(0.9999), DEFAULT_RUNTIME), 1298);
  });

  it("spreads the first check from nothing", () => {
    assert.equal(withJitter(0, 400, 20, drawing(0.25), DEFAULT_RUNTIME), 100);
  });

  it("never comes to nothing", () => {
    assert.equal(withJitter(0, 0, 0, drawing(0), DEFAULT_RUNTIME), 1);
  });

  it("stays within the limits of runtime, the lower one first", () => {
    const limits = { "health_check.min_interval": 50, "health_check.max_interval": 70 };
    assert.equal(withJitter(10, 0, 0, drawing(0), runtime(limits)), 50);
    assert.equal(withJitter(60, 0, 0, drawing(0), runtime(limits)), 60);
    assert.equal(withJitter(100, 0, 0, drawing(0), runtime(limits)), 70);
    const crossed = { "health_check.min_interval": 90, "health_check.max_interval": 70 };
    assert.equal(withJitter(100, 0, 0, drawing(0), runtime(crossed)), 90);
  });

  it("takes jitters beyond the range of a random number", () => {
    assert.ok(withJitter(0, 2 ** 33, 0, drawing(0.5), DEFAULT_RUNTIME) > 0);
  });
});
