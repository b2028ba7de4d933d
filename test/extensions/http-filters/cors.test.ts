// cors on a whole proxy: preflights, marked answers, levels of policy, shadow mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  any,
  HttpProxy,
  type HttpProxyOptions,
  httpFilter,
  type Message,
  valuesOf,
} from "../http-proxy.ts";

const CORS = httpFilter("cors", "cors.v3.Cors");
const ORIGIN = "origin: https://a.example";
const PREFLIGHT = [
  ORIGIN,
  "access-control-request-method: PUT",
  "access-control-request-headers: x-one, x-two",
];

function policy(fields: Message): Message {
  return {
    typed_per_filter_config: { "envoy.filters.http.cors": any("http.cors.v3.CorsPolicy", fields) },
  };
}

function allow(exact: string): Message {
  return { allow_origin_string_match: [{ exact }] };
}

async function withProxy(
  options: HttpProxyOptions,
  use: (proxy: HttpProxy) => Promise<void>,
): Promise<void> {
  const proxy = await HttpProxy.start({ filters: [CORS], ...options });
  await use(proxy);
  await proxy.close();
}

const FULL = {
  ...allow("https://a.example"),
  allow_methods: "GET, PUT",
  allow_headers: "*",
  expose_headers: "x-shown",
  max_age: "60",
  allow_credentials: true,
  allow_private_network_access: true,
};

test("answers a preflight of an allowed origin", async () => {
  await withProxy({ route: policy(FULL) }, async (proxy) => {
    const answer = await proxy.exchange("OPTIONS /", [
      ...PREFLIGHT,
      "access-control-request-private-network: true",
    ]);
    assert.equal(answer.status, 200);
    const own = answer.headers.filter((line) => line.startsWith("access-control"));
    assert.deepEqual(own, [
      "access-control-allow-origin: https://a.example",
      "access-control-allow-credentials: true",
      "access-control-allow-methods: GET, PUT",
      "access-control-allow-headers: x-one, x-two",
      "access-control-max-age: 60",
      "access-control-allow-private-network: true",
      "access-control-expose-headers: x-shown",
    ]);
    assert.deepEqual(proxy.upstreams, []);
    assert.equal(proxy.server.stat("http.in.cors.origin_valid"), 1);
  });
});

test("marks the answer to an allowed origin and counts it", async () => {
  await withProxy({ route: policy(FULL) }, async (proxy) => {
    const answer = await proxy.exchange("GET /", [ORIGIN]);
    assert.deepEqual(valuesOf(answer, "access-control-allow-origin"), ["https://a.example"]);
    assert.deepEqual(valuesOf(answer, "access-control-expose-headers"), ["x-shown"]);
    assert.deepEqual(valuesOf(answer, "access-control-max-age"), []);
  });
});

test("leaves answers to other origins alone", async () => {
  await withProxy({ route: policy(FULL) }, async (proxy) => {
    const answer = await proxy.exchange("GET /", ["origin: https://b.example"]);
    assert.equal(answer.status, 200);
    assert.deepEqual(valuesOf(answer, "access-control-allow-origin"), []);
    assert.equal(proxy.server.stat("http.in.cors.origin_invalid"), 1);
  });
});

test("forwards preflights of other origins unless told to answer them", async () => {
  const options = { host: policy(allow("https://b.example")) };
  await withProxy(options, async (proxy) => {
    await proxy.exchange("OPTIONS /", PREFLIGHT);
    assert.equal(proxy.seen()[0], "OPTIONS / HTTP/1.1");
  });
  const answering = { ...options, route: policy({ forward_not_matching_preflights: false }) };
  await withProxy(answering, async (proxy) => {
    const answer = await proxy.exchange("OPTIONS /", PREFLIGHT);
    assert.deepEqual(valuesOf(answer, "access-control-allow-origin"), []);
    assert.deepEqual(proxy.upstreams, []);
  });
});

test("takes each value from the most specific level that has it", async () => {
  const options = {
    host: policy({ ...allow("https://b.example"), max_age: "1", allow_methods: "GET" }),
    route: policy({ ...allow("https://a.example"), max_age: "2" }),
  };
  await withProxy(options, async (proxy) => {
    const answer = await proxy.exchange("OPTIONS /", PREFLIGHT);
    assert.deepEqual(valuesOf(answer, "access-control-max-age"), ["2"]);
    assert.deepEqual(valuesOf(answer, "access-control-allow-methods"), ["GET"]);
  });
});

test("counts only, in shadow mode", async () => {
  const percent = (numerator: number): Message => ({
    default_value: { numerator },
    runtime_key: "cors",
  });
  const shadow = policy({
    ...FULL,
    filter_enabled: percent(0),
    shadow_enabled: { default_value: { numerator: 100 } },
  });
  await withProxy({ route: shadow }, async (proxy) => {
    const answer = await proxy.exchange("GET /", [ORIGIN]);
    assert.deepEqual(valuesOf(answer, "access-control-allow-origin"), []);
    assert.equal(proxy.server.stat("http.in.cors.origin_valid"), 1);
  });
});

test("allows every origin with a matcher of *", async () => {
  await withProxy({ route: policy(allow("*")) }, async (proxy) => {
    const answer = await proxy.exchange("GET /", [ORIGIN]);
    assert.deepEqual(valuesOf(answer, "access-control-allow-origin"), ["https://a.example"]);
  });
});
