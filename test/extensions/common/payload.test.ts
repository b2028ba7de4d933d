import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { compilePayload, PayloadSearch } from "../../../src/extensions/common/payload.ts";

function search(...payloads: readonly string[]): PayloadSearch {
  return new PayloadSearch(payloads.map((text) => Buffer.from(text)));
}

describe("compilePayload", () => {
  it("reads hex digits of both cases, and bytes", () => {
    const context = new CompileContext();
    assert.deepEqual(compilePayload({ text: "00fFAb" }, context), Buffer.from([0, 255, 171]));
    assert.deepEqual(compilePayload({ binary: Buffer.from("x") }, context), Buffer.from("x"));
    assert.deepEqual(context.diagnostics, []);
  });

  for (const text of ["", "0", "0g", "PING", "00 11"]) {
    it(`refuses "${text}"`, () => {
      const context = new CompileContext("send");
      assert.equal(compilePayload({ text }, context), null);
      assert.deepEqual(
        context.diagnostics.map(({ path, message }) => [path, message]),
        [["send.text", `invalid hex string '${text}'`]],
      );
    });
  }

  it("refuses bytes that are none", () => {
    const context = new CompileContext();
    assert.equal(compilePayload({ binary: new Uint8Array() }, context), null);
    assert.equal(context.diagnostics.length, 1);
  });
});

describe("PayloadSearch", () => {
  it("finds payloads in order, with anything between them", () => {
    assert.equal(search("PONG", "OK").feed(Buffer.from("..PONG...OK..")), true);
    assert.equal(search("OK", "PONG").feed(Buffer.from("PONG OK")), false);
  });

  it("finds them cut anywhere", () => {
    const text = "xPOPONGyOOKz";
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const finder = search("PONG", "OK");
        finder.feed(Buffer.from(text.slice(0, first)));
        finder.feed(Buffer.from(text.slice(first, second)));
        finder.feed(Buffer.from(text.slice(second)));
        assert.equal(finder.found, true, `${first} ${second}`);
      }
    }
  });

  it("does not take the same bytes twice", () => {
    const finder = search("aa", "aa");
    assert.equal(finder.feed(Buffer.from("aaa")), false);
    assert.equal(finder.feed(Buffer.from("a")), true);
  });

  it("keeps no more than a payload less one byte of what does not match", () => {
    const finder = search("needle");
    const bytes = Buffer.from("n");
    for (let index = 0; index < 1000; index++) finder.feed(bytes);
    bytes.fill(0);
    assert.equal(finder.feed(Buffer.from("eedle")), true, "borrowed bytes were not copied");
  });

  it("begins anew after a reset, and needs nothing when nothing is wanted", () => {
    const finder = search("a");
    finder.feed(Buffer.from("a"));
    finder.reset();
    assert.equal(finder.found, false);
    assert.equal(search().found, true);
  });
});
