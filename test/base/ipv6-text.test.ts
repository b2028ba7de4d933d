import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalIpv6, ipv6FromBytes } from "../../src/base/ipv6-text.ts";

describe("canonicalIpv6", () => {
  const cases: [string, string | null][] = [
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:0db8::0001:0", "2001:db8::1:0"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["1.2.3.4", null],
    ["12345::", null],
    ["", null],
  ];
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} is ${expected}`, () => assert.equal(canonicalIpv6(text), expected));
  }
});

describe("ipv6FromBytes", () => {
  it("reads 16 bytes in network order at an offset", () => {
    const bytes = Buffer.from("ffff20010db8000000000000000000000001", "hex");
    assert.equal(ipv6FromBytes(bytes, 2), "2001:db8::1");
  });
});
