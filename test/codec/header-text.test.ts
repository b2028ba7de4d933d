import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isValidAuthority, portStart } from "../../src/codec/authority.ts";
import { cookieValue } from "../../src/codec/cookie.ts";
import { RequestHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import { isInlineHeader } from "../../src/codec/inline-headers.ts";
import { pathLength, queryParameter } from "../../src/codec/query-string.ts";

const withHeaders = (...lines: readonly (readonly [string, string])[]): RequestHeaderMap => {
  const headers = new RequestHeaderMap();
  for (const [name, value] of lines) headers.add(headerName(name), value);
  return headers;
};

describe("portStart", () => {
  const cases: readonly (readonly [host: string, at: number])[] = [
    ["a", -1],
    ["a:80", 1],
    ["[::1]", -1],
    ["[::1]:80", 5],
    ["", -1],
  ];
  for (const [host, at] of cases) {
    it(`of ${JSON.stringify(host)} is ${at}`, () => assert.equal(portStart(host), at));
  }
});

describe("isValidAuthority", () => {
  const good = ["a", "a.example:80", "a_b", "a:", "[::1]", "[::1]:443", "1.2.3.4:65535", "a~!$&"];
  const bad = ["a b", "a/b", "u@a", "a:x", "a:1:2", "a:65536", "a:123456", "::1", "[::1", "::1]"];
  for (const host of good) it(`holds for ${host}`, () => assert.ok(isValidAuthority(host)));
  for (const host of [...bad, "[::1]x", "a[::1]", "[]", "[a]", "a\\b", '"a"', "\u00e9"]) {
    it(`fails for ${host}`, () => assert.ok(!isValidAuthority(host)));
  }
});

describe("cookieValue", () => {
  it("finds a cookie by its whole name, on any line", () => {
    const headers = withHeaders(["cookie", "ab=1; a=2;b=3"], ["cookie", "c=4"]);
    assert.equal(cookieValue(headers, "a"), "2");
    assert.equal(cookieValue(headers, "b"), "3");
    assert.equal(cookieValue(headers, "c"), "4");
    assert.equal(cookieValue(headers, "d"), undefined);
  });

  it("takes the first of a name, without quotes, and tells empty from absent", () => {
    const headers = withHeaders(["cookie", 'a="x y"; a=2; e=; q="']);
    assert.equal(cookieValue(headers, "a"), "x y");
    assert.equal(cookieValue(headers, "e"), "");
    assert.equal(cookieValue(headers, "q"), '"');
    assert.equal(cookieValue(withHeaders(), "a"), undefined);
  });
});

describe("queryParameter", () => {
  it("finds a parameter by its whole name", () => {
    assert.equal(queryParameter("/p?ab=1&a=2&a=3", "a"), "2");
    assert.equal(queryParameter("/p?a", "a"), "");
    assert.equal(queryParameter("/p?b&a=", "a"), "");
    assert.equal(queryParameter("/p?ab", "a"), null);
    assert.equal(queryParameter("/a=1", "a"), null);
  });

  it("is not in the path, whose length ends at query or fragment", () => {
    assert.equal(pathLength("/p?x#y"), 2);
    assert.equal(pathLength("/p#y?x"), 2);
    assert.equal(pathLength("/p"), 2);
  });
});

describe("isInlineHeader", () => {
  it("knows the headers that Envoy keeps as one value, by direction", () => {
    assert.equal(isInlineHeader(headerName("x-forwarded-for"), "request"), true);
    assert.equal(isInlineHeader(headerName("location"), "response"), true);
    assert.equal(isInlineHeader(headerName("location"), "request"), false);
    assert.equal(isInlineHeader(headerName("x-own"), "request"), false);
  });
});
