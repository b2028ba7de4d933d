import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { successRate, successRateThreshold } from "../../../src/upstream/outlier/success-rate.ts";

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe("successRateThreshold", () => {
  it("is the mean less a share of the population deviation", () => {
    const limit = successRateThreshold([100, 100, 100, 100, 40], 5, 1900)!;
    near(limit.average, 88);
    near(limit.threshold, 42.4);
  });

  it("gives the numbers that Envoy's own comment gives", () => {
    const limit = successRateThreshold([50, 100, 100, 100, 100], 5, 1900)!;
    near(limit.average, 90);
    near(limit.threshold, 52);
  });

  it("may lie below zero", () => {
    near(successRateThreshold([0, 100], 2, 1900)!.threshold, -45);
  });

  it("needs enough hosts, and at least one", () => {
    assert.equal(successRateThreshold([100, 100, 100, 0], 5, 1900), null);
    assert.equal(successRateThreshold([], 0, 1900), null);
    assert.deepEqual(successRateThreshold([70], 1, 1900), { average: 70, threshold: 70 });
  });
});

describe("successRate", () => {
  it("is in percent", () => {
    assert.equal(successRate({ host: null, successes: 3, total: 4 }), 75);
  });
});
