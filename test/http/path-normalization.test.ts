import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PathSettings } from "../../src/http/connection-manager-config.ts";
import { type EscapedSlashesAction, normalizePath } from "../../src/http/path-normalization.ts";

function settings(overrides: Partial<PathSettings>): PathSettings {
  return {
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: "KEEP_UNCHANGED",
    stripTrailingHostDot: false,
    stripPort: "none",
    ...overrides,
  };
}

function outcome(path: string, overrides: Partial<PathSettings>): string {
  const { kind, path: result } = normalizePath(path, settings(overrides));
  return kind === "ok" ? result : kind === "reject" ? "rejected" : `redirect ${result}`;
}

describe("normalize_path", () => {
  const vectors: [string, string][] = [
    ["/a/../b?x=/../", "/b?x=/../"],
    ["/%2e%2e/x", "/x"],
    ["/a%2Fb", "/a%2Fb"],
    ["/plain/path?q=%2e%2e", "/plain/path?q=%2e%2e"],
    ["/a/./b/.", "/a/b/"],
    ["/..", "/"],
    ["/a/..", "/"],
    ["/a/b/../../../c", "/c"],
    ["/a\\b\\..\\c", "/a/c"],
    ["/%61%7e%41%5f%2D", "/a~A_-"],
    ["/%3a%2a%ab", "/%3a%2a%ab"],
    ["/%zz%", "/%zz%"],
    ["/%2", "/%2"],
    ["/a//b", "/a//b"],
    ["/a//../b", "/a/b"],
    ['/<>"^`{|}', "/%3C%3E%22%5E%60%7B%7C%7D"],
    ["/a/%2E./b", "/b"],
    ["/.a/..b/c..", "/.a/..b/c.."],
    ["/.../x", "/.../x"],
    ["/a b\x7f", "/a%20b%7F"],
    ["/\xc3\xa9", "/%C3%A9"],
    ["/\xff", "rejected"],
    ["/%00", "rejected"],
    ["/a\x00", "rejected"],
    ["", "/"],
    ["?q", "/?q"],
  ];
  for (const [path, expected] of vectors) {
    it(`makes ${JSON.stringify(path)} ${expected}`, () => {
      assert.equal(outcome(path, { normalizePath: true }), expected);
    });
  }
});

describe("merge_slashes", () => {
  const vectors: [string, string][] = [
    ["//a///b/?q=//", "/a/b/?q=//"],
    ["/a/b", "/a/b"],
    ["/a//", "/a/"],
    ["//", "//"],
  ];
  for (const [path, expected] of vectors) {
    it(`makes ${path} ${expected}`, () => {
      assert.equal(outcome(path, { mergeSlashes: true }), expected);
    });
  }

  it("runs after normalisation", () => {
    const both = { normalizePath: true, mergeSlashes: true };
    assert.equal(outcome("/a/.//b\\\\c", both), "/a/b/c");
  });
});

describe("escaped slashes", () => {
  const path = "/a%2f..%5Cb?c=%2F";
  const vectors: [EscapedSlashesAction, boolean, string][] = [
    ["KEEP_UNCHANGED", false, path],
    ["KEEP_UNCHANGED", true, path],
    ["REJECT_REQUEST", false, "rejected"],
    ["UNESCAPE_AND_FORWARD", false, "/a/..\\b?c=%2F"],
    ["UNESCAPE_AND_FORWARD", true, "/b?c=%2F"],
    ["UNESCAPE_AND_REDIRECT", true, "redirect /b?c=%2F"],
  ];
  for (const [escapedSlashes, normalize, expected] of vectors) {
    it(`${escapedSlashes}${normalize ? " with normalize_path" : ""}: ${expected}`, () => {
      assert.equal(outcome(path, { escapedSlashes, normalizePath: normalize }), expected);
    });
  }

  it("lets paths without them pass", () => {
    assert.equal(outcome("/a%20b?%2f", { escapedSlashes: "REJECT_REQUEST" }), "/a%20b?%2f");
  });
});

describe("fragments", () => {
  it("are refused, in the query as well", () => {
    assert.equal(outcome("/a#b", {}), "rejected");
    assert.equal(outcome("/a?b#c", {}), "rejected");
  });
});
