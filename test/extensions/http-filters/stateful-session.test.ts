// The stateful_session filter on a whole proxy with two hosts: sessions stay, move and fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../../server/server-fixture.ts";
import {
  any,
  HttpProxy,
  httpFilter,
  type Message,
  staticCluster,
  UPSTREAM_PORT,
  valuesOf,
} from "../http-proxy.ts";

const OTHER_PORT = 10_002;

const state = (name: string, message: string, fields: Message): Message => ({
  session_state: {
    name,
    typed_config: {
      "@type": `type.googleapis.com/envoy.extensions.http.stateful_session.${name}.v3.${message}`,
      ...fields,
    },
  },
});
const cookie = (fields: Message = {}): Message =>
  state("cookie", "CookieBasedSessionState", { cookie: { name: "sess", ...fields } });
const filter = (fields: Message): Message =>
  httpFilter("stateful_session", "stateful_session.v3.StatefulSession", {
    stat_prefix: "ss",
    ...fields,
  });

async function start(fields: Message, more: object = {}): Promise<HttpProxy> {
  const proxy = await HttpProxy.start({
    filters: [filter(fields)],
    clusters: [staticCluster("both", [UPSTREAM_PORT, OTHER_PORT])],
    route: { route: { cluster: "both" } },
    ...more,
  });
  await proxy.server.upstream(OTHER_PORT, "other");
  return proxy;
}

const isOther = ({ body }: Answer): boolean => body === "other";

/** The cookie that an answer sets, as a request header. */
function cookieOf(answer: Answer): string[] {
  const [line] = valuesOf(answer, "set-cookie");
  return line === undefined ? [] : [`cookie: ${line.split(";")[0]}`];
}

test("every request of a session goes to the host of the first", async () => {
  const proxy = await start(cookie());
  const hosts = new Set<boolean>();
  for (let client = 0; client < 6; client++) {
    const first = await proxy.exchange("GET /");
    const headers = cookieOf(first);
    assert.equal(headers.length, 1);
    hosts.add(isOther(first));
    for (let again = 0; again < 3; again++) {
      const next = await proxy.exchange("GET /", headers);
      assert.equal(isOther(next), isOther(first));
      assert.deepEqual(cookieOf(next), []);
    }
  }
  assert.equal(hosts.size, 2, "round robin found one host only");
  assert.equal(proxy.server.stat("http.in.stateful_session.ss.routed"), 18);
  assert.equal(proxy.server.stat("http.in.stateful_session.ss.failed_open"), 6);
  await proxy.close();
});

test("a session with a ttl ends with it, although the client keeps the cookie", async () => {
  const proxy = await start(cookie({ ttl: "60s" }));
  const headers = cookieOf(await proxy.exchange("GET /"));
  await proxy.server.time.advance(59_000);
  assert.deepEqual(cookieOf(await proxy.exchange("GET /", headers)), []);
  await proxy.server.time.advance(3_000);
  assert.equal(cookieOf(await proxy.exchange("GET /", headers)).length, 1);
  await proxy.close();
});

test("a strict session fails with 503 when its host is gone, and is counted", async () => {
  const proxy = await start({ ...cookie(), strict: true });
  const gone = Buffer.from("10.9.9.9:1").toString("base64");
  const answer = await proxy.exchange("GET /", [`cookie: sess=${gone}`]);
  assert.deepEqual([answer.status, answer.body], [503, "no healthy upstream"]);
  assert.equal(proxy.server.stat("http.in.stateful_session.ss.failed_closed"), 1);
  await proxy.close();
});

test("a route may have no sessions", async () => {
  const off = any("http.stateful_session.v3.StatefulSessionPerRoute", { disabled: true });
  const proxy = await start(cookie(), {
    route: {
      route: { cluster: "both" },
      typed_per_filter_config: { "envoy.filters.http.stateful_session": off },
    },
  });
  assert.deepEqual(cookieOf(await proxy.exchange("GET /")), []);
  await proxy.close();
});

test("a session state that is not built in is refused with its place", async () => {
  const found = await HttpProxy.problems({
    filters: [filter({ session_state: { name: "s", typed_config: any("http.cors.v3.Cors") } })],
  });
  assert.deepEqual(found, [
    "http_filters[0].typed_config.session_state.typed_config: Session state envoy.extensions.filters.http.cors.v3.Cors is " +
      "not supported",
  ]);
});
