import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseIpPort } from "../../src/base/ip-port.ts";

describe("parseIpPort", () => {
  it("reads both families, IPv6 in its canonical form", () => {
    assert.deepEqual(parseIpPort("127.0.0.1:80"), { ip: "127.0.0.1", port: 80 });
    assert.deepEqual(parseIpPort("10.0.0.1:0"), { ip: "10.0.0.1", port: 0 });
    assert.deepEqual(parseIpPort("[0:0::1]:65535"), { ip: "::1", port: 65535 });
  });

  it("refuses everything else", () => {
    const wrong = [
      "",
      ":80",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:65536",
      "127.0.0.1:+1",
      "127.0.0.1:1 ",
      "127.0.0.01:1",
      "localhost:80",
      "::1:80",
      "[::1]",
      "[127.0.0.1]:80",
      "127.0.0.1:80,127.0.0.2:80",
    ];
    for (const text of wrong) assert.equal(parseIpPort(text), null, text);
  });
});
