import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headerName } from "../../src/codec/header-names.ts";
import type { RequestIdSettings } from "../../src/http/connection-manager-config.ts";
import { ensureRequestId } from "../../src/http/request-id.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { managerConfig, request } from "./manager-fixture.ts";

const ID = headerName("x-request-id");
const GIVEN = "f47ac10b-58cc-9372-a567-0e02b2c3d479";

const idOf = (
  given: string | null,
  edge: boolean,
  changes: Partial<RequestIdSettings> = {},
): string | undefined => {
  const headers = request(given === null ? {} : { "x-request-id": given });
  const settings = { ...managerConfig().requestId, ...changes };
  const id = ensureRequestId(headers, edge, settings, new SeededRandom(7));
  assert.equal(id, headers.get(ID) ?? "");
  return headers.get(ID);
};

describe("x-request-id", () => {
  it("is made when absent or empty", () => {
    assert.match(idOf(null, false)!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
    assert.match(idOf("", false)!, /^[0-9a-f]{8}-/);
  });

  it("is kept inside, and replaced at the edge", () => {
    assert.equal(idOf(GIVEN, false), GIVEN);
    assert.notEqual(idOf(GIVEN, true), GIVEN);
  });

  it("kept at the edge loses the trace decision that the client put in", () => {
    const kept = idOf(GIVEN, true, { preserveExternal: true });
    assert.equal(kept, "f47ac10b-58cc-4372-a567-0e02b2c3d479");
    const unpacked = { preserveExternal: true, packTraceReason: false };
    assert.equal(idOf(GIVEN, true, unpacked), GIVEN);
    assert.equal(idOf("short", true, { preserveExternal: true }), "short");
  });

  it("is not made when that is turned off", () => {
    assert.equal(idOf(null, false, { generate: false }), undefined);
    assert.equal(idOf(GIVEN, false, { generate: false }), GIVEN);
  });
});
