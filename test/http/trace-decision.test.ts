// envoy-semantics §10.5: id f47ac10b… is 5515 of 10 000.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import { decideTrace, type TracingSettings } from "../../src/http/trace-decision.ts";
import { managerStats, request } from "./manager-fixture.ts";

const ID = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
const with14 = (digit: string): string => ID.slice(0, 14) + digit + ID.slice(15);
const ALL: TracingSettings = {
  client: 10_000,
  random: 10_000,
  overall: 10_000,
  samplesById: true,
  packs: true,
};

function decide(
  id: string,
  settings: Partial<TracingSettings> = {},
  fields: Record<string, string> = {},
): string {
  const headers = request({ "x-request-id": id, ...fields });
  const { tracing } = managerStats().manager;
  return decideTrace(headers, { ...ALL, ...settings }, DEFAULT_RUNTIME, tracing, false);
}

describe("a trace decision", () => {
  it("samples by the id's first eight digits", () => {
    assert.equal(decide(ID, { random: 5516 }), with14("9"));
    assert.equal(decide(ID, { random: 5515 }), ID);
  });

  it("is forced by the service, or by a client that may", () => {
    const random = 0;
    assert.equal(decide(ID, { random }, { "x-envoy-force-trace": "1" }), with14("a"));
    assert.equal(decide(ID, { random }, { "x-client-trace-id": "1" }), with14("b"));
    const client = 0;
    assert.equal(decide(ID, { random, client }, { "x-client-trace-id": "1" }), ID);
  });

  it("that came with the id stays, unless tracing is off altogether", () => {
    assert.equal(decide(with14("b"), { random: 0 }), with14("b"));
    assert.equal(decide(with14("a"), { overall: 0 }), with14("4"));
  });

  it("leaves ids alone that are no UUIDs, and all when told not to pack", () => {
    assert.equal(decide("zzz"), "zzz");
    assert.equal(decide("f47ac10b"), "f47ac10b");
    assert.equal(decide(ID, { packs: false }), ID);
  });
});
