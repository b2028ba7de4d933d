// The message in a session cookie: written and read, and whatever else a client may send.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeSession,
  encodeSession,
} from "../../../src/extensions/session-states/cookie/session-message.ts";

describe("the message in a session cookie", () => {
  it("comes back as it was written", () => {
    for (const [address, expiresSeconds] of [
      ["127.0.0.1:80", 0],
      ["[::1]:65535", 127],
      ["a".repeat(300), 1_800_000_000],
    ] as const) {
      const read = decodeSession(encodeSession(address, expiresSeconds));
      assert.deepEqual(read, { address, expiresSeconds });
    }
  });

  it("is what Envoy writes", () => {
    const bytes = Buffer.from("Cg8xMjcuMC4wLjE6MjgwODEQoGc=", "base64").toString("latin1");
    assert.deepEqual(decodeSession(bytes), { address: "127.0.0.1:28081", expiresSeconds: 13216 });
    assert.equal(encodeSession("127.0.0.1:28081", 13216), bytes);
  });

  it("may have fields of a later version", () => {
    const later = "\x18\x05\x21abcdefgh\x2a\x02xy\x35abcd";
    assert.equal(decodeSession(`${encodeSession("h:1", 0)}${later}`)?.address, "h:1");
  });

  it("is not found in what is cut, endless or of an unknown shape", () => {
    const whole = encodeSession("127.0.0.1:80", 0);
    for (let length = 1; length < whole.length; length++) {
      assert.equal(decodeSession(whole.slice(0, length)), null);
    }
    for (const bytes of ["\xff".repeat(11), "\x0b", "\x00\x00", "127.0.0.1:80"]) {
      assert.equal(decodeSession(bytes), null, JSON.stringify(bytes));
    }
  });
});
