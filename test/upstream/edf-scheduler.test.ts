import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EdfScheduler } from "../../src/upstream/edf-scheduler.ts";

interface Item {
  name: string;
  weight: number;
}

const weigher = { weight: (item: Item): number => item.weight };

function scheduler(...weights: number[]): EdfScheduler<Item> {
  const edf = new EdfScheduler<Item>(weigher);
  for (const [index, weight] of weights.entries()) edf.add({ name: "abcdefgh"[index]!, weight });
  return edf;
}

function picks(edf: EdfScheduler<Item>, count: number): string {
  return Array.from({ length: count }, () => edf.pick().name).join("");
}

describe("EdfScheduler", () => {
  it("keeps the order of equal items", () => {
    assert.equal(picks(scheduler(1, 1, 1), 9), "abcabcabc");
  });

  it("spreads the picks of a heavy item", () => {
    assert.equal(picks(scheduler(1, 2), 8), "babbabba");
  });

  it("gives ten thousand picks in proportion to weights", () => {
    const counts = new Map<string, number>();
    for (const name of picks(scheduler(1, 2, 3, 4), 10_000)) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assert.deepEqual([...counts].sort(), [
      ["a", 1000],
      ["b", 2000],
      ["c", 3000],
      ["d", 4000],
    ]);
  });

  it("takes a new weight at the next pick", () => {
    const edf = new EdfScheduler<Item>(weigher);
    const a = { name: "a", weight: 1 };
    edf.add(a);
    edf.add({ name: "b", weight: 1 });
    assert.equal(picks(edf, 2), "ab");
    a.weight = 4;
    const text = picks(edf, 50);
    assert.ok(text.split("a").length - 1 >= 38, text);
  });
});
