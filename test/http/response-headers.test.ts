import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import type { ConnectionManagerConfig } from "../../src/http/connection-manager-config.ts";
import { civilFromDays, DateProvider, formatHttpDate } from "../../src/http/date-provider.ts";
import { mutateResponseHeaders, type ResponseFacts } from "../../src/http/response-headers.ts";
import { DEFAULT_FORWARDING, managerConfig, response } from "./manager-fixture.ts";

const DATE = "Mon, 01 Jan 2024 00:00:00 GMT";
const PLAIN: ResponseFacts = { upgradeRequest: false, requestId: "id", forceRequestId: false };

const mutated = (
  headers: ResponseHeaderMap,
  changes: Partial<ConnectionManagerConfig> = {},
  facts: Partial<ResponseFacts> = {},
): Record<string, string> => {
  const date = new DateProvider({ monotonicMs: () => 0, wallMs: () => Date.UTC(2024, 0, 1) });
  mutateResponseHeaders(headers, { ...PLAIN, ...facts }, managerConfig(changes), date);
  return Object.fromEntries(headers.names.map((name, at) => [name.text, headers.values[at]!]));
};

describe("response headers", () => {
  it("name date and server", () => {
    assert.deepEqual(mutated(response(200)), { date: DATE, server: "envoy" });
  });

  it("keep the upstream's date", () => {
    assert.equal(mutated(response(200, { date: "yesterday" }))["date"], "yesterday");
  });

  it("name the server as configured", () => {
    const server = (serverHeader: ConnectionManagerConfig["serverHeader"], given: string | null) =>
      mutated(response(200, given === null ? {} : { server: given }), { serverHeader })["server"];
    assert.equal(server("OVERWRITE", "theirs"), "envoy");
    assert.equal(server("APPEND_IF_ABSENT", "theirs"), "theirs");
    assert.equal(server("APPEND_IF_ABSENT", null), "envoy");
    assert.equal(server("PASS_THROUGH", "theirs"), "theirs");
    assert.equal(server("PASS_THROUGH", null), undefined);
  });

  it("that belong to the hop are removed", () => {
    const fields = {
      connection: "close",
      "keep-alive": "5",
      "proxy-connection": "x",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
    };
    assert.deepEqual(mutated(response(200, fields)), { date: DATE, server: "envoy" });
  });

  it("of a granted upgrade stay", () => {
    const fields = { connection: "upgrade", upgrade: "websocket" };
    const sent = mutated(response(101, fields), {}, { upgradeRequest: true });
    assert.equal(sent["upgrade"], "websocket");
    assert.equal(sent["content-length"], undefined);
  });

  it("show the request id when asked to", () => {
    const id = headerName("x-request-id").text;
    assert.equal(mutated(response(200))[id], undefined);
    assert.equal(mutated(response(200), {}, { forceRequestId: true })[id], "id");
    const requestId = { ...managerConfig().requestId, alwaysSetInResponse: true };
    assert.equal(mutated(response(200), { requestId })[id], "id");
  });

  it("add us to via", () => {
    const forwarding = { ...DEFAULT_FORWARDING, via: "edge" };
    assert.equal(mutated(response(200, { via: "1.1 x" }), { forwarding })["via"], "1.1 x, edge");
  });
});

describe("the date", () => {
  it("agrees with the calendar on every kind of day", () => {
    const days = [0, 59, 60, 365, 789, 11016, 11017, 19722, 19782, 47541, 73048];
    for (const day of days) {
      const second = day * 86_400 + 86_399;
      assert.equal(formatHttpDate(second), new Date(second * 1000).toUTCString());
    }
    assert.deepEqual(civilFromDays(-1), { year: 1969, month: 12, day: 31 });
  });

  it("is rendered again when the second changes", () => {
    let wallMs = Date.UTC(2024, 1, 29, 23, 59, 59, 999);
    const date = new DateProvider({ monotonicMs: () => 0, wallMs: () => wallMs });
    assert.equal(date.now(), "Thu, 29 Feb 2024 23:59:59 GMT");
    wallMs += 1;
    assert.equal(date.now(), "Fri, 01 Mar 2024 00:00:00 GMT");
  });
});
