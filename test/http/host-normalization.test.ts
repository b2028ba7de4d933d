import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PathSettings } from "../../src/http/connection-manager-config.ts";
import { hostPort, normalizeHost } from "../../src/http/host-normalization.ts";

function normalize(host: string, overrides: Partial<PathSettings>, localPort = 8080): string {
  const settings: PathSettings = {
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: "KEEP_UNCHANGED",
    stripTrailingHostDot: false,
    stripPort: "none",
    ...overrides,
  };
  return normalizeHost(host, settings, localPort);
}

describe("host normalisation", () => {
  it("leaves hosts alone unless told otherwise", () => {
    assert.equal(normalize("a.com.:8080", {}), "a.com.:8080");
  });

  it("strips a trailing dot, before a port as well", () => {
    const dot = { stripTrailingHostDot: true };
    assert.equal(normalize("a.com.", dot), "a.com");
    assert.equal(normalize("a.com.:443", dot), "a.com:443");
    assert.equal(normalize("a.com:443", dot), "a.com:443");
    assert.equal(normalize("localhost", dot), "localhost");
    assert.equal(normalize("[::1.2.3.4]:443", dot), "[::1.2.3.4]:443");
  });

  it("strips any port, or only the listener's", () => {
    assert.equal(normalize("a.com:1", { stripPort: "any" }), "a.com");
    assert.equal(normalize("a.com:1", { stripPort: "matching" }), "a.com:1");
    assert.equal(normalize("a.com:8080", { stripPort: "matching" }), "a.com");
    assert.equal(
      normalize("a.com.:8080", { stripPort: "any", stripTrailingHostDot: true }),
      "a.com",
    );
  });

  it("knows IPv6 brackets and things that are no ports", () => {
    const any = { stripPort: "any" } as const;
    assert.equal(normalize("[::1]:80", any), "[::1]");
    assert.equal(normalize("[::1]", any), "[::1]");
    assert.equal(normalize("a.com:", any), "a.com:");
    assert.equal(normalize("a.com:x", any), "a.com:x");
    assert.equal(hostPort("a.com:443"), 443);
    assert.equal(hostPort("a.com"), -1);
  });
});
