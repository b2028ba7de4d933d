import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RequestHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import type { PathSettings } from "../../src/http/connection-manager-config.ts";
import type { LocalReply } from "../../src/http/local-reply.ts";
import { checkRequest } from "../../src/http/request-checks.ts";
import { managerConfig, managerStats, request, response } from "./manager-fixture.ts";

const check = (
  headers: RequestHeaderMap,
  paths: Partial<PathSettings> = {},
  stats = managerStats(),
): LocalReply | null => {
  const config = managerConfig({ paths: { ...managerConfig().paths, ...paths } });
  return checkRequest(headers, config, 8080, stats);
};

describe("checkRequest", () => {
  it("refuses what has no host, no path, or no path of ours", () => {
    const without = request();
    without.authority = "";
    assert.equal(check(without)?.details, "missing_host_header");
    assert.equal(check(request({}, "GET", ""))?.details, "missing_path_rejected");
    const stats = managerStats();
    assert.equal(check(request({}, "GET", "x"), {}, stats)?.details, "absolute_path_rejected");
    assert.equal(stats.manager.downstreamRqNonRelativePath.value(), 1);
  });

  it("refuses every request of a listener that is configured for HTTP/2", () => {
    const config = managerConfig({ codecType: "HTTP2" });
    const refusal = checkRequest(request(), config, 8080, managerStats());
    assert.equal(refusal?.status, 503);
    assert.equal(refusal.details, "http2_not_supported");
  });

  it("lets CONNECT go without a path", () => {
    assert.equal(check(request({}, "CONNECT", "")), null);
  });

  it("normalises the path in place", () => {
    const headers = request({}, "GET", "/a/../b?x=/../");
    assert.equal(check(headers, { normalizePath: true }), null);
    assert.equal(headers.path, "/b?x=/../");
  });

  it("refuses or redirects an escaped slash, as configured", () => {
    const stats = managerStats();
    const escaped = (escapedSlashes: PathSettings["escapedSlashes"]): LocalReply | null =>
      check(request({}, "GET", "/a%2Fb"), { escapedSlashes }, stats);
    assert.equal(escaped("KEEP_UNCHANGED"), null);
    assert.equal(escaped("REJECT_REQUEST")?.status, 400);
    const redirect = escaped("UNESCAPE_AND_REDIRECT")!;
    assert.equal(redirect.status, 307);
    const answer = response(307);
    redirect.modify!(answer);
    assert.equal(answer.get(headerName("location")), "/a/b");
    assert.equal(stats.manager.downstreamRqFailedPathNormalization.value(), 1);
    assert.equal(stats.manager.downstreamRqRedirectedWithNormalizedPath.value(), 1);
  });

  it("strips the port of the host when it is ours", () => {
    const headers = request();
    headers.authority = "a:8080";
    check(headers, { stripPort: "matching" });
    assert.equal(headers.authority, "a");
    headers.authority = "a:9090";
    check(headers, { stripPort: "matching" });
    assert.equal(headers.authority, "a:9090");
  });
});
