// Old spellings of commands in header values.
import assert from "node:assert/strict";
import { test } from "node:test";
import { modernHeaderFormat } from "../../src/route/legacy-header-format.ts";

const CASES: readonly (readonly [string, string])[] = [
  ['a %DYNAMIC_METADATA(["ns", "k"])% b', "a %DYNAMIC_METADATA(ns:k)% b"],
  ['%UPSTREAM_METADATA( ["ns", "k", "s"] )%', "%UPSTREAM_METADATA(ns:k:s)%"],
  ["%PER_REQUEST_STATE(key)%", "%FILTER_STATE(key:PLAIN)%"],
  ["%DYNAMIC_METADATA(ns:k)%", "%DYNAMIC_METADATA(ns:k)%"],
  ["%DYNAMIC_METADATA([1])%", "%DYNAMIC_METADATA([1])%"],
];

for (const [old, modern] of CASES) {
  test(`${old} becomes ${modern}`, () => assert.equal(modernHeaderFormat(old), modern));
}
