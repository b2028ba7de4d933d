import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RuntimeSnapshot } from "../../src/config/runtime.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import type { CircuitBreakers_Thresholds } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { ResourceLimits } from "../../src/upstream/resource-limits.ts";
import { createSharedUpstreamState } from "../../src/upstream/upstream-services.ts";
import { type FixtureOptions, staticMessage, upstreamFixture } from "./upstream-fixture.ts";

function limits(
  thresholds: CircuitBreakers_Thresholds,
  options: FixtureOptions = {},
): ResourceLimits {
  const fixture = upstreamFixture(options);
  fixture.add(staticMessage([1], { circuitBreakers: { thresholds: [thresholds] } }));
  return fixture.cluster("c").info.limits[0];
}

/** How many retries may be in flight now. */
function room(one: ResourceLimits): number {
  let count = 0;
  while (one.retries.tryAcquire()) count++;
  for (let index = 0; index < count; index++) one.retries.release();
  return count;
}

describe("the limit of retries", () => {
  it("is three, or max_retries", () => {
    assert.equal(room(limits({})), 3);
    assert.equal(room(limits({ maxRetries: 5 })), 5);
  });

  it("is a share of the requests with a budget, but never below its minimum", () => {
    const one = limits({ maxRetries: 1, retryBudget: { budgetPercent: { value: 50 } } });
    assert.equal(room(one), 3);
    for (let index = 0; index < 9; index++) one.requests.acquire();
    for (let index = 0; index < 2; index++) one.pendingRequests.acquire();
    assert.equal(room(one), 5);
    assert.equal(one.retries.canCreate(), true);
    assert.equal(limits({ retryBudget: {} }).retries.budget?.percent, 20);
  });

  it("counts requests and retries of all data planes", () => {
    const state = createSharedUpstreamState(2);
    const thresholds = {
      retryBudget: { budgetPercent: { value: 100 }, minRetryConcurrency: 0 },
    };
    const [first, second] = [0, 1].map((dataPlane) => limits(thresholds, { state, dataPlane }));
    first!.requests.acquire();
    second!.requests.acquire();
    assert.equal(first!.retries.tryAcquire(), true);
    assert.equal(second!.retries.tryAcquire(), true);
    assert.equal(second!.retries.tryAcquire(), false);
    first!.retries.release();
    assert.equal(second!.retries.tryAcquire(), true);
  });

  it("may come from the runtime", () => {
    const runtime: RuntimeSnapshot = {
      ...DEFAULT_RUNTIME,
      getInteger: (key, other) =>
        key === "circuit_breakers.c.default.retry_budget.min_retry_concurrency" ? 7 : other,
    };
    assert.equal(room(limits({}, { runtime })), 7);
  });
});
