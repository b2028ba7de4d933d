import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RequestHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import type { ForwardingSettings } from "../../src/http/connection-manager-config.ts";
import { mutateRequestHeaders, type RequestFacts } from "../../src/http/request-headers.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import {
  connectionFrom,
  DEFAULT_FORWARDING,
  managerConfig,
  range,
  request,
} from "./manager-fixture.ts";

const mutate = (
  headers: RequestHeaderMap,
  peer: string,
  forwarding: Partial<ForwardingSettings> = {},
  internalOnly: readonly string[] = [],
): RequestFacts => {
  const config = managerConfig({ forwarding: { ...DEFAULT_FORWARDING, ...forwarding } });
  const names = internalOnly.map((name) => headerName(name));
  return mutateRequestHeaders(headers, connectionFrom(peer), config, names, new SeededRandom(1));
};
const get = (headers: RequestHeaderMap, name: string): string | undefined =>
  headers.getJoined(headerName(name));

describe("the client's address", () => {
  // use_remote_address, hops, peer, x-forwarded-for in, client, x-forwarded-for out, trusted.
  const cases: readonly (readonly [
    boolean,
    number,
    string,
    string | null,
    string,
    string | null,
    boolean,
  ])[] = [
    [true, 0, "198.51.100.7", "10.0.0.1", "198.51.100.7", "10.0.0.1,198.51.100.7", false],
    [true, 0, "10.1.1.1", null, "10.1.1.1", "10.1.1.1", true],
    [true, 1, "10.1.1.1", "1.1.1.1, 2.2.2.2", "2.2.2.2", "1.1.1.1, 2.2.2.2,10.1.1.1", false],
    [true, 3, "10.1.1.1", "1.1.1.1", "10.1.1.1", "1.1.1.1,10.1.1.1", false],
    [false, 0, "10.1.1.1", "10.9.9.9", "10.9.9.9", "10.9.9.9", true],
    [false, 0, "10.1.1.1", "1.1.1.1,10.9.9.9", "10.9.9.9", "1.1.1.1,10.9.9.9", false],
    [false, 1, "10.1.1.1", "1.1.1.1,2.2.2.2", "1.1.1.1", "1.1.1.1,2.2.2.2", false],
    [false, 0, "10.1.1.1", "junk", "10.1.1.1", "junk", false],
    [false, 0, "10.1.1.1", null, "10.1.1.1", null, false],
  ];
  for (const [useRemoteAddress, hops, peer, given, client, sent, trusted] of cases) {
    const how = useRemoteAddress ? "from the peer" : "from x-forwarded-for";
    it(`${how}, ${hops} trusted hops, ${peer} with ${given}: ${client}`, () => {
      const headers = request(given === null ? {} : { "x-forwarded-for": given });
      const facts = mutate(headers, peer, {
        useRemoteAddress,
        xffTrustedHops: hops,
        detections: [{ kind: "xff", trustedHops: hops, skipAppend: true }],
        internalRanges: [range("0.0.0.0", 0)],
      });
      assert.equal(facts.clientIp, client);
      assert.equal(get(headers, "x-forwarded-for"), sent ?? undefined);
      // Every address counts as internal here: only trust is left to decide.
      assert.equal(facts.internal, trusted);
    });
  }

  it("is walked past trusted networks from the right", () => {
    const detections = [
      { kind: "xff-cidrs", trusted: [range("10.0.0.0", 8)], recurse: true, skipAppend: true },
    ] as const;
    const client = (forwardedFor: string, peer = "10.0.0.1"): string =>
      mutate(request({ "x-forwarded-for": forwardedFor }), peer, { detections }).clientIp;
    assert.equal(client("1.1.1.1, 2.2.2.2, 10.3.3.3"), "2.2.2.2");
    assert.equal(client("10.1.1.1,10.2.2.2"), "10.1.1.1");
    assert.equal(client("1.1.1.1, junk, 10.3.3.3"), "10.0.0.1");
    assert.equal(client("1.1.1.1", "192.0.2.1"), "192.0.2.1");
    assert.equal(client(`1.1.1.1${",10.1.1.1".repeat(20)}`), "10.0.0.1");
  });

  it("comes from a header of its own, which may be demanded", () => {
    const detections = [
      { kind: "custom-header", headerName: "x-real-ip", trusted: true, rejectStatus: 403 },
    ] as const;
    const found = mutate(request({ "x-real-ip": "1.2.3.4" }), "10.0.0.1", { detections });
    assert.deepEqual([found.clientIp, found.rejectStatus], ["1.2.3.4", 0]);
    assert.equal(mutate(request(), "10.0.0.1", { detections }).rejectStatus, 403);
    assert.equal(
      mutate(request({ "x-real-ip": "me" }), "10.0.0.1", { detections }).rejectStatus,
      403,
    );
  });

  it("is our own when the peer is on this machine", () => {
    const headers = request();
    mutate(headers, "127.0.0.1", { useRemoteAddress: true, localAddress: "10.0.0.9" });
    assert.equal(get(headers, "x-forwarded-for"), "10.0.0.9");
  });
});

describe("request headers", () => {
  it("that belong to the hop are removed", () => {
    const headers = request({
      connection: "keep-alive",
      "keep-alive": "5",
      "proxy-connection": "x",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      "x-forwarded-client-cert": "forged",
      "x-envoy-internal": "true",
      accept: "*/*",
    });
    mutate(headers, "10.0.0.1");
    assert.deepEqual(
      headers.names.map((name) => name.text),
      ["accept", "x-forwarded-proto", "x-request-id"],
    );
  });

  it("of an upgrade stay", () => {
    const headers = request({ connection: "Upgrade", upgrade: "websocket" });
    mutate(headers, "10.0.0.1");
    assert.equal(get(headers, "connection"), "Upgrade");
    assert.equal(get(headers, "upgrade"), "websocket");
  });

  it("keep of te only trailers", () => {
    const te = (value: string): string | undefined => {
      const headers = request({ te: value });
      mutate(headers, "10.0.0.1");
      return get(headers, "te");
    };
    assert.equal(te("gzip, trailers"), "trailers");
    assert.equal(te("gzip"), undefined);
  });

  it("lose a referer that tells too much", () => {
    const referer = (value: string): string | undefined => {
      const headers = request({ referer: value });
      mutate(headers, "10.0.0.1");
      return get(headers, "referer");
    };
    assert.equal(referer("https://a/b?c"), "https://a/b?c");
    assert.equal(referer("/b"), "/b");
    assert.equal(referer("https://user@a/b"), undefined);
    assert.equal(referer("https://a/b#c"), undefined);
    assert.equal(referer("/b#c"), undefined);
    assert.equal(referer("a/b"), "a/b");
    assert.equal(referer("not a url"), undefined);
    assert.equal(referer("a:b/c"), undefined);
  });

  it("joins several lines of x-forwarded-for before it appends", () => {
    const headers = request({});
    headers.add(headerName("x-forwarded-for"), "1.1.1.1");
    headers.add(headerName("x-forwarded-for"), "2.2.2.2");
    mutate(headers, "3.3.3.3", { useRemoteAddress: true });
    assert.deepEqual(headers.getAll(headerName("x-forwarded-for")), ["1.1.1.1,2.2.2.2,3.3.3.3"]);
  });

  it("puts the peer alone into an empty x-forwarded-for", () => {
    const headers = request({ "x-forwarded-for": "" });
    mutate(headers, "3.3.3.3", { useRemoteAddress: true });
    assert.equal(get(headers, "x-forwarded-for"), "3.3.3.3");
  });

  it("keeps x-forwarded-client-cert only when always forwarding", () => {
    const removed = request({ "x-forwarded-client-cert": "By=x" });
    mutate(removed, "10.0.0.1");
    assert.equal(get(removed, "x-forwarded-client-cert"), undefined);
    const kept = request({ "x-forwarded-client-cert": "By=x" });
    mutate(kept, "10.0.0.1", { keepsClientCert: true });
    assert.equal(get(kept, "x-forwarded-client-cert"), "By=x");
  });

  it("that steer the router are not taken from outside", () => {
    const steering = {
      "x-envoy-retry-on": "5xx",
      "x-envoy-upstream-rq-timeout-ms": "1",
      "x-own": "1",
    };
    const outside = request(steering);
    mutate(outside, "192.0.2.1", { useRemoteAddress: true }, ["x-own"]);
    assert.equal(get(outside, "x-envoy-retry-on"), undefined);
    assert.equal(get(outside, "x-envoy-upstream-rq-timeout-ms"), undefined);
    assert.equal(get(outside, "x-own"), undefined);
    assert.equal(get(outside, "x-envoy-external-address"), "192.0.2.1");
    const inside = request(steering);
    mutate(inside, "10.0.0.1", { useRemoteAddress: true, internalRanges: [range("10.0.0.0", 8)] });
    assert.equal(get(inside, "x-envoy-retry-on"), "5xx");
    assert.equal(get(inside, "x-envoy-internal"), "true");
    assert.equal(get(inside, "x-envoy-external-address"), undefined);
  });

  it("name the scheme: what was forwarded, what is configured, or the transport", () => {
    const scheme = (fields: Record<string, string>, overwrite = ""): readonly unknown[] => {
      const headers = request(fields);
      mutate(headers, "10.0.0.1", { schemeToOverwrite: overwrite });
      return [headers.scheme, get(headers, "x-forwarded-proto")];
    };
    assert.deepEqual(scheme({}), ["http", "http"]);
    assert.deepEqual(scheme({ "x-forwarded-proto": "https" }), ["https", "https"]);
    assert.deepEqual(scheme({ "x-forwarded-proto": "gopher" }), ["http", "gopher"]);
    assert.deepEqual(scheme({}, "https"), ["https", "https"]);
  });

  it("carry our identity when configured", () => {
    const headers = request({ via: "1.1 before" });
    mutate(headers, "10.0.0.1", {
      addUserAgent: true,
      serviceCluster: "shop",
      serviceNode: "n1",
      via: "edge",
      appendForwardedPort: true,
    });
    assert.equal(get(headers, "user-agent"), "shop");
    assert.equal(get(headers, "x-envoy-downstream-service-cluster"), "shop");
    assert.equal(get(headers, "x-envoy-downstream-service-node"), "n1");
    assert.equal(get(headers, "via"), "1.1 before, edge");
    assert.equal(get(headers, "x-forwarded-port"), "8080");
  });
});
