import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact } from "../../src/config/redact.ts";

describe("redaction", () => {
  it("blackens private keys wherever they stand, texts and bytes", () => {
    const value = { a: [{ private_key: { inline_string: "k", inline_bytes: "aw==" } }], b: 1 };
    assert.deepEqual(redact(value), {
      a: [{ private_key: { inline_string: "[redacted]", inline_bytes: "W3JlZGFjdGVkXQ==" } }],
      b: 1,
    });
  });

  it("hides names of key files too", () => {
    const value = { private_key: { filename: "/etc/key.pem" } };
    assert.deepEqual(redact(value), { private_key: { filename: "[redacted]" } });
  });

  it("blackens session ticket keys and generic secrets, but no other keys", () => {
    const value = {
      session_ticket_keys: { keys: [{ inline_string: "k" }] },
      generic_secret: { secret: { inline_string: "s" } },
      keys: ["shown"],
      secret: "shown",
    };
    assert.deepEqual(redact(value), {
      session_ticket_keys: { keys: [{ inline_string: "[redacted]" }] },
      generic_secret: { secret: { inline_string: "[redacted]" } },
      keys: ["shown"],
      secret: "shown",
    });
  });

  it("keeps what has no secrets as it is, without a copy", () => {
    const value = { a: [{ b: 1 }, "x", null] };
    assert.equal(redact(value), value);
  });
});
