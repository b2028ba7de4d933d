import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { trimNativeHeap } from "../../../src/platform/node/native-heap.ts";

describe("the C heap", () => {
  it("can be trimmed again and again, and nothing in use is lost", () => {
    const used = Array.from({ length: 64 }, (_, index) => Buffer.alloc(4096, index));
    for (let count = 0; count < 3; count++) trimNativeHeap();
    assert.ok(used.every((buffer, index) => buffer.every((byte) => byte === index)));
    assert.ok(process.memoryUsage().rss > 0);
  });
});
