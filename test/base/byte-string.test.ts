import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAscii, lowerAscii } from "../../src/base/ascii.ts";
import { fromByteString, toByteString } from "../../src/base/byte-string.ts";

describe("byte strings", () => {
  it("hold UTF-8 with one character per byte", () => {
    assert.equal(toByteString("é"), "\xc3\xa9");
    assert.equal(fromByteString("\xc3\xa9"), "é");
    assert.equal(fromByteString(toByteString("日本 plain")), "日本 plain");
    assert.equal(fromByteString("\xff"), "\ufffd");
  });
});

describe("ASCII case", () => {
  it("folds A–Z and nothing else", () => {
    assert.equal(lowerAscii("AbC-09"), "abc-09");
    assert.equal(lowerAscii("\xc3\x89X"), "\xc3\x89x");
    assert.equal(lowerAscii("\xc3"), "\xc3");
    assert.equal(isAscii("abc"), true);
    assert.equal(isAscii("ab\x80"), false);
  });
});
