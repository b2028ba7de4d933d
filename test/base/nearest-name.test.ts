import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { editDistance, nearestName } from "../../src/base/nearest-name.ts";

describe("edit distance", () => {
  it("counts insertions, deletions, replacements and swaps", () => {
    assert.equal(editDistance("route", "route"), 0);
    assert.equal(editDistance("rout", "route"), 1);
    assert.equal(editDistance("routes", "route"), 1);
    assert.equal(editDistance("rouse", "route"), 1);
    assert.equal(editDistance("rotue", "route"), 1);
    assert.equal(editDistance("", "abc"), 3);
    assert.equal(editDistance("kitten", "sitting"), 3);
  });

  it("stops at the limit", () => assert.equal(editDistance("aaaaaa", "bbbbbb", 2), 2));
});

describe("the nearest name", () => {
  const names = ["clusters", "listeners", "secrets"];

  it("is the closest candidate, whatever the case", () => {
    assert.equal(nearestName("cluster", names), "clusters");
    assert.equal(nearestName("LISTENRES", names), "listeners");
  });

  it("is none when every candidate is far away", () => {
    assert.equal(nearestName("routes_or_so", names), null);
    assert.equal(nearestName("x", []), null);
  });
});
