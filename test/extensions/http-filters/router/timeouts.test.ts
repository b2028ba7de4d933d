import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap } from "../../../../src/codec/header-map.ts";
import { Headers } from "../../../../src/codec/header-names.ts";
import type { RouterConfig } from "../../../../src/extensions/http-filters/router/config.ts";
import {
  finalTimeouts,
  hedges,
  type RequestTimeouts,
  setTimeoutHeaders,
} from "../../../../src/extensions/http-filters/router/timeouts.ts";
import type { RouteEntry } from "../../../../src/route/route.ts";
import { oneHost, routeTable, TestRequest } from "../../../kit/route-request.ts";

const CONFIG = { suppressEnvoyHeaders: false, respectExpectedTimeout: false } as RouterConfig;

function entryOf(action: object): RouteEntry {
  const table = routeTable(oneHost({ match: { prefix: "/" }, route: { cluster: "c", ...action } }));
  return table.match(new TestRequest("/"))!.entry!;
}

function expected(
  time: Partial<RequestTimeouts>,
  config: RouterConfig = CONFIG,
): string | undefined {
  const headers = new RequestHeaderMap();
  const whole = { globalMs: 15_000, perTryMs: 0, elapsedMs: 0, hedging: false, ...time };
  setTimeoutHeaders(entryOf({}), headers, config, whole);
  return headers.get(Headers.EnvoyExpectedRequestTimeoutMs);
}

describe("x-envoy-expected-rq-timeout-ms", () => {
  it("is the time of one attempt, as far as the time of all allows", () => {
    assert.equal(expected({ perTryMs: 5000 }), "5000");
    assert.equal(expected({ perTryMs: 5000, elapsedMs: 12_000 }), "3000");
    assert.equal(expected({ perTryMs: 5000, elapsedMs: 15_000 }), "1");
    assert.equal(expected({ perTryMs: 5000, elapsedMs: 16_000 }), "1");
    assert.equal(expected({ elapsedMs: 12_000 }), "3000");
  });

  it("is that of one attempt when there is no other, and absent without any", () => {
    assert.equal(expected({ globalMs: 0, perTryMs: 5000, elapsedMs: 99_000 }), "5000");
    assert.equal(expected({ globalMs: 0 }), undefined);
    assert.equal(expected({}, { ...CONFIG, suppressEnvoyHeaders: true }), undefined);
  });

  it("is the time of all attempts when slow ones go on", () => {
    assert.equal(expected({ perTryMs: 5000, hedging: true, elapsedMs: 1000 }), "14000");
  });
});

describe("the time of one attempt", () => {
  it("is off when it is not below that of all", () => {
    const retryPolicy = { perTryTimeout: { seconds: 20, nanos: 0 } };
    const timeouts = finalTimeouts(entryOf({ retryPolicy }), new RequestHeaderMap(), CONFIG);
    assert.deepEqual([timeouts.globalMs, timeouts.perTryMs], [15_000, 0]);
  });
});

describe("hedging", () => {
  it("is asked for by the route, or by a header that says so", () => {
    const hedged = entryOf({ hedgePolicy: { hedgeOnPerTryTimeout: true } });
    const asked = (entry: RouteEntry, value: string | null): boolean => {
      const headers = new RequestHeaderMap();
      if (value !== null) headers.add(Headers.EnvoyHedgeOnPerTryTimeout, value);
      return hedges(entry, headers);
    };
    assert.deepEqual(
      [null, "true", "false", "maybe"].map((value) => asked(hedged, value)),
      [true, true, false, true],
    );
    assert.deepEqual(
      [null, "true", "false", "maybe"].map((value) => asked(entryOf({}), value)),
      [false, true, false, false],
    );
  });
});
