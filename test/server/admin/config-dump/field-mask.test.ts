import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { maskSection, trim } from "../../../../src/server/admin/config-dump/field-mask.ts";

describe("trimming by field paths", () => {
  const value = { a: { b: { c: 1, d: 2 }, e: [1] }, ab: 3, list: [{ x: 1 }] };

  it("keeps what the paths name, whole or in part", () => {
    assert.deepEqual(trim(value, ["a.b.c", "list"]), { a: { b: { c: 1 } }, list: [{ x: 1 }] });
    assert.deepEqual(trim(value, ["a"]), { a: value.a });
  });

  it("does not take a name for the beginning of another", () => {
    assert.deepEqual(trim(value, ["a.e"]), { a: { e: [1] } });
    assert.deepEqual(trim(value, ["ab"]), { ab: 3 });
  });

  it("lets a whole field win over a part of it", () => {
    assert.deepEqual(trim(value, ["a.e", "a"]), { a: value.a });
  });

  it("takes a member named __proto__ for a member", () => {
    const odd = JSON.parse('{"__proto__":{"x":1},"y":2}');
    assert.equal(JSON.stringify(trim(odd, ["__proto__"])), '{"__proto__":{"x":1}}');
  });
});

describe("a mask over resources", () => {
  const item = { cluster: { "@type": "t", name: "n", type: "STATIC" }, last_updated: "now" };

  it("reaches into the Any and keeps its type", () => {
    const mask = maskSection("cluster.name,last_updated", "cluster");
    assert.deepEqual(mask.inner, ["name"]);
    assert.deepEqual(mask.apply(item, "cluster"), {
      cluster: { "@type": "t", name: "n" },
      last_updated: "now",
    });
  });

  it("without paths into the Any leaves it out", () => {
    const mask = maskSection("last_updated", "cluster");
    assert.deepEqual(mask.apply(item, "cluster"), { last_updated: "now" });
  });
});
