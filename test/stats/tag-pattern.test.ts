import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileTagPattern } from "../../src/stats/tag-pattern.ts";

function found(source: string, name: string): string {
  const pattern = compileTagPattern(source);
  assert.ok(typeof pattern !== "string", String(pattern));
  const match = pattern.find(name);
  return match === null ? "none" : `${match.start}-${match.end} ${match.value}`;
}

describe("compileTagPattern", () => {
  it("cuts group 1 and takes group 2 as value, or group 1 without a group 2", () => {
    assert.equal(found(String.raw`_rq(_(\d{3}))$`, "a_rq_200"), "4-8 200");
    assert.equal(found("^a(b)", "abc"), "1-2 b");
  });

  it("finds nothing without a match or without groups", () => {
    assert.equal(found("(x)", "abc"), "none");
    assert.equal(found("abc", "abc"), "none");
  });

  it("cuts nothing for a group that has no part in the match", () => {
    assert.equal(found("(x)|c", "abc"), "0-0 ");
  });

  it("translates the lookahead of Envoy's old default tags", () => {
    const source = String.raw`^listener(?=\.).*?\.http\.((.*?)\.)`;
    assert.equal(found(source, "listener.0.0.0.0_80.http.web.x"), "25-29 web");
    assert.equal(found(source, "listener.http.web.x"), "14-18 web");
    assert.equal(found(source, "listeners.http.web.x"), "none");
  });

  it("gives RE2's reason for what RE2 cannot do", () => {
    assert.equal(typeof compileTagPattern("a(?=b)"), "string");
    assert.equal(typeof compileTagPattern("a("), "string");
  });

  it("takes time linear in the length of a hostile name", () => {
    const name = `cluster.${"a.".repeat(5000)}x`;
    assert.match(found(String.raw`^cluster\.((.+?(\..+?\.svc)?)\.)`, name), /^8-10 a$/);
  });
});
