// Shares of requests: defaults, draws, the runtime's word.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import { compileRuntimePercent, draws } from "../../../src/extensions/common/runtime-percent.ts";

const drawing = (number: number) => ({
  runtime: DEFAULT_RUNTIME,
  random: { uint32: () => number, uuid: () => "" },
});

test("an absent field stands for all requests, or for none", () => {
  assert.equal(draws(compileRuntimePercent(undefined, true), drawing(99)), true);
  assert.equal(draws(compileRuntimePercent(undefined, false), drawing(0)), false);
});

test("a share is drawn anew at each request", () => {
  const half = compileRuntimePercent({ defaultValue: { numerator: 50 } }, true);
  assert.equal(draws(half, drawing(49)), true);
  assert.equal(draws(half, drawing(50)), false);
});

test("the runtime may replace even 0 and 100 percent", () => {
  const none = compileRuntimePercent({ runtimeKey: "k", defaultValue: {} }, true);
  const runtime = { ...DEFAULT_RUNTIME, featureEnabled: (key: string) => key === "k" };
  assert.equal(draws(none, { ...drawing(0), runtime }), true);
});
