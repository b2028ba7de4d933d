import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modernHeaderFormat } from "../../src/route/legacy-header-format.ts";

describe("old spellings in header formats", () => {
  it("become the commands of today", () => {
    const vectors: [string, string][] = [
      ['%DYNAMIC_METADATA(["ns", "a", "b"])%', "%DYNAMIC_METADATA(ns:a:b)%"],
      ['x%UPSTREAM_METADATA( ["ns","a"] )%y', "x%UPSTREAM_METADATA(ns:a)%y"],
      ["%PER_REQUEST_STATE(key)%", "%FILTER_STATE(key:PLAIN)%"],
      ["%DYNAMIC_METADATA(ns:a)%", "%DYNAMIC_METADATA(ns:a)%"],
      ["%DYNAMIC_METADATA([1])%", "%DYNAMIC_METADATA([1])%"],
      ["%DYNAMIC_METADATA([x])%", "%DYNAMIC_METADATA([x])%"],
      ["plain", "plain"],
    ];
    for (const [old, modern] of vectors) assert.equal(modernHeaderFormat(old), modern);
  });
});
