import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isIpAddress, isLoopbackAddress } from "../../src/base/ip-kind.ts";
import { canonicalIpv6, ipv6FromBytes } from "../../src/base/ipv6-text.ts";
import { latin1Slice, latin1Write } from "../../src/base/latin1.ts";

describe("IP text", () => {
  it("is an address only when complete", () => {
    for (const text of ["1.2.3.4", "::", "::ffff:1.2.3.4", "2001:db8::1"]) {
      assert.equal(isIpAddress(text), true, text);
    }
    for (const text of ["", "1.2.3", "1.2.3.4:80", "[::1]", "a", "1.2.3.256", "::g"]) {
      assert.equal(isIpAddress(text), false, text);
    }
  });

  it("is loopback as 127.0.0.1 and ::1", () => {
    for (const text of ["127.0.0.1", "::1"]) assert.ok(isLoopbackAddress(text), text);
    for (const text of ["128.0.0.1", "127.0.0.2", "127.x", "::2", "127.0.0.1.evil"]) {
      assert.ok(!isLoopbackAddress(text), text);
    }
  });

  const canonical: readonly (readonly [text: string, form: string | null])[] = [
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:0:0:0:3:4", "1:0:2::3:4"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1::", "1::"],
    ["1.2.3.4", null],
  ];
  for (const [text, form] of canonical) {
    it(`${text} in canonical form is ${form}`, () => assert.equal(canonicalIpv6(text), form));
  }

  it("reads an IPv6 address from bytes", () => {
    const bytes = Buffer.alloc(18);
    bytes[2] = 0xfe;
    bytes[3] = 0x80;
    bytes[17] = 1;
    assert.equal(ipv6FromBytes(bytes, 2), "fe80::1");
  });
});

describe("latin1", () => {
  it("maps every byte to one character and back", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const text = latin1Slice(bytes, 0, 256);
    assert.equal(text.length, 256);
    const copy = Buffer.alloc(258);
    assert.equal(latin1Write(copy, text, 2), 256);
    assert.deepEqual(copy.subarray(2), bytes);
  });
});
