import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventTime } from "../../src/upstream/event-logs.ts";

describe("eventTime", () => {
  it("prints milliseconds as protobuf does: three digits or none", () => {
    assert.equal(eventTime(Date.UTC(2026, 10, 20, 10, 28, 19, 188)), "2026-11-20T10:28:19.188Z");
    assert.equal(eventTime(Date.UTC(2026, 10, 20, 10, 28, 19) + 0.7), "2026-11-20T10:28:19Z");
    assert.equal(eventTime(Date.UTC(2026, 0, 1) + 7.25), "2026-01-01T00:00:00.007Z");
  });
});
