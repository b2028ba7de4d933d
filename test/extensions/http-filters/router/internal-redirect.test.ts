// Internal redirects through the whole proxy, on simulated time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLocation } from "../../../../src/extensions/http-filters/router/location.ts";
import type { InternalRedirectPolicy } from "../../../../src/proto/generated/envoy/config/route/v3.ts";
import { allTo, HttpProxyFixture, type HttpProxyOptions } from "../../../kit/http-proxy-fixture.ts";
import type { MemoryClient } from "../../../kit/memory-client.ts";

const GET = "GET /a?b HTTP/1.1\r\nhost: here\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

function moved(location: string, status: number = 302, headers: string = ""): string {
  return `HTTP/1.1 ${status} S\r\nlocation: ${location}\r\n${headers}content-length: 0\r\n\r\n`;
}

async function start(
  internalRedirectPolicy: InternalRedirectPolicy,
  request: string = GET,
  more: HttpProxyOptions = {},
): Promise<{ proxy: HttpProxyFixture; client: MemoryClient }> {
  const proxy = await HttpProxyFixture.start({
    routes: allTo({ internalRedirectPolicy }),
    ...more,
  });
  return { proxy, client: await proxy.send(request) };
}

describe("an internal redirect", () => {
  it("is followed with the location's host and path; the client sees the last answer", async () => {
    const { proxy, client } = await start({});
    await proxy.answer(moved("http://there/c?d#e"));
    assert.match(proxy.received(), /GET \/c\?d HTTP\/1\.1\r\nhost: there\r\n/);
    assert.match(proxy.received(), /x-envoy-original-url: http:\/\/here\/a\?b\r\n/);
    await proxy.answer(OK);
    assert.match(client.text, /^HTTP\/1\.1 200 [\s\S]*hi$/);
    assert.deepEqual(proxy.logs, ["302 internal_redirect -", "200 via_upstream -"]);
    assert.equal(proxy.stat("downstream_rq_total"), 2);
    assert.equal(proxy.stat("downstream_rq_active"), 0);
    assert.equal(proxy.stat("downstream_rq_rx_reset"), 0);
    assert.equal(proxy.stat("downstream_rq_completed"), 1);
    assert.equal(proxy.clusterStat("upstream_internal_redirect_succeeded_total"), 1);
    client.send(GET);
    await proxy.settle();
    await proxy.answer(OK);
    assert.equal(proxy.logs.length, 3);
    await proxy.close();
  });

  it("takes the body along, unless it becomes a GET", async () => {
    const post = "POST /a HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\nbody";
    for (const [status, expected] of [
      [302, /POST \/c HTTP[\s\S]*body$/],
      [303, /GET \/c HTTP(?![\s\S]*content-length)[\s\S]*\r\n\r\n$/],
    ] as const) {
      const { proxy } = await start({ redirectResponseCodes: [302, 303] }, post);
      await proxy.answer(moved("http://there/c", status));
      const second = proxy.received().slice(proxy.received().indexOf("body") + 4);
      assert.match(second, expected);
      await proxy.answer(OK);
      await proxy.close();
    }
  });

  it("copies headers of the redirect into the request, and takes absent ones away", async () => {
    const request = GET.replace("host", "x-gone: 1\r\nx-kept: 1\r\nhost");
    const { proxy } = await start({ responseHeadersToCopy: ["x-new", "x-gone"] }, request);
    await proxy.answer(moved("http://there/c", 302, "x-new: a\r\nx-new: b\r\n"));
    const second = proxy.received().slice(proxy.received().indexOf("GET /c"));
    assert.match(second, /x-kept: 1\r\n/);
    assert.match(second, /x-new: a\r\nx-new: b\r\n/);
    assert.doesNotMatch(second, /x-gone/);
    await proxy.answer(OK);
    await proxy.close();
  });

  it("is followed so often only", async () => {
    const { proxy, client } = await start({ maxInternalRedirects: 2 });
    // While a response is read its connection is not free yet: the next request opens another.
    await proxy.answer(moved("http://there/1"), 0);
    await proxy.answer(moved("http://there/2"), 0);
    await proxy.answer(moved("http://there/3"), 1);
    assert.match(client.text, /^HTTP\/1\.1 302 [\s\S]*location: http:\/\/there\/3\r\n/);
    assert.equal(proxy.stat("passthrough_internal_redirect_too_many_redirects"), 1);
    assert.equal(proxy.clusterStat("upstream_internal_redirect_failed_total"), 1);
    assert.equal(proxy.clusterStat("upstream_internal_redirect_succeeded_total"), 2);
    await proxy.close();
  });
});

describe("a redirect goes to the client", () => {
  const cases: readonly {
    readonly why: string;
    readonly response: string;
    readonly stat: string;
    readonly policy?: InternalRedirectPolicy;
  }[] = [
    { why: "relative", response: moved("/c"), stat: "bad_location" },
    { why: "no URL", response: moved("http://"), stat: "bad_location" },
    { why: "no place of HTTP", response: moved("ftp://there/"), stat: "unsafe_scheme" },
    { why: "to another scheme", response: moved("https://there/"), stat: "unsafe_scheme" },
    {
      why: "refused by a predicate",
      response: moved("http://there/"),
      stat: "predicate",
      policy: {
        predicates: [{ name: "envoy.internal_redirect_predicates.allow_listed_routes" }],
      },
    },
    { why: "to no route", response: moved("http://nowhere/"), stat: "no_route" },
  ];
  for (const { why, response, stat, policy } of cases) {
    it(`that is ${why}`, async () => {
      const route = {
        match: { prefix: "/" },
        route: { cluster: "c", internalRedirectPolicy: policy ?? {} },
      };
      const routes = {
        name: "r",
        virtualHosts: [{ name: "v", domains: ["here", "there"], routes: [route] }],
      };
      const { proxy, client } = await start({}, GET, { routes });
      await proxy.answer(response);
      assert.match(client.text, /^HTTP\/1\.1 302 /);
      assert.equal(proxy.stat(`passthrough_internal_redirect_${stat}`), 1);
      assert.equal(proxy.clusterStat("upstream_internal_redirect_failed_total"), 1);
      assert.match(proxy.logs[0]!, /^302 via_upstream/);
      await proxy.close();
    });
  }

  it("whose status is not listed", async () => {
    const { proxy, client } = await start({});
    await proxy.answer(moved("http://there/", 301));
    assert.match(client.text, /^HTTP\/1\.1 301 /);
    assert.equal(proxy.clusterStat("upstream_internal_redirect_failed_total"), 0);
    await proxy.close();
  });

  it("whose request is not complete, or too large to keep", async () => {
    const half = "POST /a HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\nbody";
    const { proxy, client } = await start({}, half);
    await proxy.answer(moved("http://there/"));
    assert.match(client.text, /^HTTP\/1\.1 302 /);
    await proxy.close();
    const listener = { perConnectionBufferLimitBytes: 2 };
    const whole = await start({}, half.replace("9", "4"), { listener });
    await whole.proxy.answer(moved("http://there/"));
    assert.match(whole.client.text, /^HTTP\/1\.1 302 /);
    assert.equal(whole.proxy.clusterStat("retry_or_shadow_abandoned"), 0);
    await whole.proxy.close();
  });
});

describe("a location", () => {
  it("is an absolute http or https URL; the fragment stays behind", () => {
    assert.deepEqual(parseLocation("http://h:81/p?q#f"), {
      scheme: "http",
      authority: "h:81",
      path: "/p?q",
    });
    assert.deepEqual(parseLocation("HTTPS://[::1]?q"), {
      scheme: "https",
      authority: "[::1]",
      path: "?q",
    });
    for (const text of [
      "",
      "/p",
      "//h/p",

      "http://",
      "http://u@h/",
      "http://h:99999/",
    ]) {
      assert.equal(parseLocation(text), null, text);
    }
  });
});
