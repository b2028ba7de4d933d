import assert from "node:assert/strict";
import { test } from "node:test";
import { undisturbed } from "../../../bench/load/processes/disturbance.ts";

test("a quiet window is measured once", async () => {
  let calls = 0;
  const patience = { othersPercentMax: Number.POSITIVE_INFINITY, tries: 3 };
  const { value } = await undisturbed(async () => ++calls, patience);
  assert.deepEqual([value, calls], [1, 1]);
});

test("a window that is never quiet is tried as often as allowed, and the best one counts", async () => {
  let calls = 0;
  // Nothing is below zero: every window counts as disturbed.
  const patience = { othersPercentMax: -1, tries: 2 };
  const { value } = await undisturbed(async () => ++calls, patience);
  assert.equal(calls, process.platform === "linux" ? 2 : 1);
  assert.ok(value >= 1 && value <= calls);
});
