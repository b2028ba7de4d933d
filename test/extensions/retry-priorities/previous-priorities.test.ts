import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { previousPriorities } from "../../../src/extensions/retry-priorities/previous-priorities/previous-priorities.ts";
import type { Host } from "../../../src/upstream/host.ts";
import type { HostSet } from "../../../src/upstream/host-set.ts";
import type { PriorityLoads } from "../../../src/upstream/load-balancer.ts";

const LOADS: PriorityLoads = { healthy: [100, 0], degraded: [0, 0], panic: [false, false] };

function inPriority(priority: number): Host {
  return { description: { priority } } as Host;
}

/** Priorities with so many healthy hosts of two each. */
function sets(...healthy: readonly number[]): HostSet[] {
  return healthy.map((count, priority) => {
    const hosts = [inPriority(priority), inPriority(priority)];
    return {
      priority,
      hosts,
      healthy: hosts.slice(0, count),
      degraded: [],
      excluded: [],
      overprovisioningFactor: 100,
      weightedPriorityHealth: false,
    } as unknown as HostSet;
  });
}

function priority(updateFrequency: number) {
  return previousPriorities.compile({ updateFrequency }, new CompileContext())!.create();
}

describe("previous_priorities", () => {
  it("leaves the loads alone before the first attempts", () => {
    const one = priority(2);
    assert.equal(one.priorityLoads(LOADS, sets(2, 2)), LOADS);
    one.onHostAttempted(inPriority(0));
    assert.equal(one.priorityLoads(LOADS, sets(2, 2)), LOADS);
    one.onHostAttempted(inPriority(0));
    assert.deepEqual(one.priorityLoads(LOADS, sets(2, 2)).healthy, [0, 100]);
  });

  it("keeps what it found between updates, and begins anew when all were tried", () => {
    const one = priority(1);
    one.onHostAttempted(inPriority(0));
    assert.deepEqual(one.priorityLoads(LOADS, sets(2, 2)).healthy, [0, 100]);
    assert.deepEqual(one.priorityLoads(LOADS, sets(2, 2)).healthy, [0, 100]);
    one.onHostAttempted(inPriority(1));
    assert.deepEqual(one.priorityLoads(LOADS, sets(2, 2)).healthy, [100, 0]);
  });

  it("shares the load by the health of what is left, and gives the rest to the first", () => {
    const one = priority(1);
    one.onHostAttempted(inPriority(0));
    assert.deepEqual(one.priorityLoads(LOADS, sets(2, 1, 1)).healthy, [0, 50, 50]);
    assert.equal(priority(1).priorityLoads(LOADS, sets(0, 0)), LOADS);
  });

  it("falls back to the loads as they are when no priority has a usable host", () => {
    const one = priority(1);
    one.onHostAttempted(inPriority(0));
    assert.equal(one.priorityLoads(LOADS, sets(0, 0)), LOADS);
  });

  it("needs an update frequency", () => {
    const context = new CompileContext();
    assert.equal(previousPriorities.compile({}, context), null);
    assert.equal(context.diagnostics[0]?.path, "update_frequency");
  });
});
