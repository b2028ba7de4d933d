// envoy-semantics §10.9 and the rules around it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  choosePriority,
  computePriorityLoads,
  type PriorityHealth,
} from "../../src/upstream/priority.ts";

function priority(healthy: number, total: number, degraded: number = 0): PriorityHealth {
  const percent = (count: number): number =>
    total === 0 ? 0 : Math.min(100, Math.floor((140 * count) / total));
  return {
    hosts: total,
    excluded: 0,
    healthy,
    degraded,
    healthyPercent: percent(healthy),
    degradedPercent: percent(degraded),
  };
}

describe("computePriorityLoads", () => {
  const cases: readonly {
    name: string;
    priorities: readonly PriorityHealth[];
    loads: readonly number[];
    panic: readonly boolean[];
  }[] = [
    {
      name: "4/4 4/4",
      priorities: [priority(4, 4), priority(4, 4)],
      loads: [100, 0],
      panic: [false, false],
    },
    {
      name: "2/4 4/4",
      priorities: [priority(2, 4), priority(4, 4)],
      loads: [70, 30],
      panic: [false, false],
    },
    {
      name: "3/4 0/4",
      priorities: [priority(3, 4), priority(0, 4)],
      loads: [100, 0],
      panic: [false, false],
    },
    {
      name: "1/4 1/4",
      priorities: [priority(1, 4), priority(1, 4)],
      loads: [50, 50],
      panic: [true, true],
    },
    {
      name: "0/4 1/4",
      priorities: [priority(0, 4), priority(1, 4)],
      loads: [50, 50],
      panic: [true, true],
    },
    {
      name: "0/4 3/4",
      priorities: [priority(0, 4), priority(3, 4)],
      loads: [0, 100],
      panic: [false, false],
    },
    {
      name: "1/4 2/4",
      priorities: [priority(1, 4), priority(2, 4)],
      loads: [35, 65],
      panic: [false, false],
    },
    {
      name: "1/4 1/2",
      priorities: [priority(1, 4), priority(1, 2)],
      loads: [35, 65],
      panic: [false, false],
    },
    {
      name: "no hosts",
      priorities: [priority(0, 0), priority(0, 0)],
      loads: [100, 0],
      panic: [true, true],
    },
    {
      name: "panic by host counts",
      priorities: [priority(0, 3), priority(0, 6)],
      loads: [34, 66],
      panic: [true, true],
    },
  ];
  for (const { name, priorities, loads, panic } of cases) {
    it(`gives ${loads.join("/")} for ${name}`, () => {
      const result = computePriorityLoads(priorities, 50);
      assert.deepEqual(result.healthy, loads);
      assert.deepEqual(result.panic, panic);
    });
  }

  it("scales what is there when everything together is below 100", () => {
    // 42 + 42 of 84 → 50/50 although neither panics below a threshold of 20.
    const result = computePriorityLoads([priority(3, 10), priority(3, 10)], 20);
    assert.deepEqual(result.healthy, [50, 50]);
    assert.deepEqual(result.panic, [false, false]);
  });

  it("gives the rounding remainder to the first priority with health", () => {
    const thirds = [priority(0, 5), priority(1, 10), priority(1, 10), priority(1, 10)];
    const result = computePriorityLoads(thirds, 5);
    assert.deepEqual(result.healthy, [0, 34, 33, 33]);
  });

  it("gives degraded hosts what healthy ones leave", () => {
    const result = computePriorityLoads([priority(1, 4, 2), priority(0, 4)], 20);
    assert.deepEqual(result.healthy, [35, 0]);
    assert.deepEqual(result.degraded, [65, 0]);
  });

  it("sends everything to the first priority when panic is off and nobody is healthy", () => {
    const result = computePriorityLoads([priority(0, 4), priority(0, 4)], 0);
    assert.deepEqual(result.healthy, [100, 0]);
    assert.deepEqual(result.panic, [false, false]);
  });

  it("does not let one priority panic while the others can take everything", () => {
    const result = computePriorityLoads([priority(1, 10), priority(10, 10)], 50);
    assert.deepEqual(result.panic, [false, false]);
    assert.deepEqual(result.healthy, [14, 86]);
  });
});

describe("choosePriority", () => {
  it("walks healthy loads, then degraded ones", () => {
    const loads = { healthy: [35, 15], degraded: [0, 50], panic: [false, false] };
    assert.equal(choosePriority(loads, 0), 0);
    assert.equal(choosePriority(loads, 34), 0);
    assert.equal(choosePriority(loads, 35), 1);
    assert.equal(choosePriority(loads, 49), 1);
    assert.equal(choosePriority(loads, 50), 3);
    assert.equal(choosePriority(loads, 99), 3);
    assert.equal(choosePriority(loads, 100), 0);
  });
});
