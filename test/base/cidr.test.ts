import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CidrTrie, parseCidrRange } from "../../src/base/cidr.ts";
import { parseIpv4, parseIpv6 } from "../../src/base/ip-address.ts";

describe("IPv4 text", () => {
  it("parses four decimal parts", () => {
    assert.equal(parseIpv4("0.0.0.0"), 0);
    assert.equal(parseIpv4("255.255.255.255"), 0xffffffff);
    assert.equal(parseIpv4("192.168.1.20"), 0xc0a80114);
  });

  it("refuses what inet_pton refuses", () => {
    const bad = ["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..2.3", "a"];
    for (const text of bad) assert.equal(parseIpv4(text), -1, text);
  });
});

describe("IPv6 text", () => {
  function parse(text: string): string | null {
    const words = new Uint32Array(4);
    if (!parseIpv6(text, words)) return null;
    return [...words].map((word) => word.toString(16)).join(" ");
  }

  it("parses groups, one gap and an embedded IPv4 address", () => {
    assert.equal(parse("::"), "0 0 0 0");
    assert.equal(parse("::1"), "0 0 0 1");
    assert.equal(parse("2001:db8::"), "20010db8 0 0 0");
    assert.equal(parse("1:2:3:4:5:6:7:8"), "10002 30004 50006 70008");
    assert.equal(parse("fe80::A:b"), "fe800000 0 0 a000b");
    assert.equal(parse("::ffff:1.2.3.4"), "0 0 ffff 1020304");
    assert.equal(parse("1::3:4:5:6:7:8"), "10000 30004 50006 70008");
  });

  it("refuses everything else", () => {
    const bad = ["", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::"];
    const worse = ["::g", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3", "1.2.3.4", "::1%eth0"];
    for (const text of [...bad, ...worse, "1:2:3:4:5:6:7:8::"]) {
      assert.equal(parse(text), null, text);
    }
  });
});

describe("address ranges", () => {
  it("hold the addresses of their prefix and family", () => {
    const ten = parseCidrRange("10.200.3.4", 8)!;
    assert.equal(ten.contains("10.0.0.1"), true);
    assert.equal(ten.contains("11.0.0.1"), false);
    assert.equal(ten.contains("::a00:1"), false);
    assert.equal(ten.contains("nonsense"), false);
    const local = parseCidrRange("fd12:3456::", 17)!;
    assert.equal(local.contains("fd12:7fff::1"), true);
    assert.equal(local.contains("fd12:8000::1"), false);
    assert.equal(local.contains("fd13::1"), false);
    assert.equal(parseCidrRange("0.0.0.0", 0)!.contains("255.1.2.3"), true);
    assert.equal(parseCidrRange("1.2.3.4", 128)!.prefixLength, 32);
    assert.equal(parseCidrRange("host", 8), null);
  });
});

describe("address trie", () => {
  const trie = new CidrTrie<string>();
  for (const [ip, length, value] of [
    ["10.0.0.0", 8, "ten"],
    ["10.1.0.0", 16, "ten-one"],
    ["10.1.0.0", 16, "second"],
    ["10.1.2.3", 32, "host"],
    ["::", 0, "six"],
    ["2001:db8::1", 128, "six-host"],
  ] as const) {
    trie.add(parseCidrRange(ip, length)!, value);
  }

  it("finds the longest range", () => {
    assert.equal(trie.longest("10.1.2.3"), "host");
    assert.equal(trie.longest("10.1.2.4"), "ten-one");
    assert.equal(trie.longest("10.2.2.4"), "ten");
    assert.equal(trie.longest("11.0.0.0"), undefined);
    assert.equal(trie.longest("2001:db8::1"), "six-host");
    assert.equal(trie.longest("2001:db8::2"), "six");
    assert.equal(trie.longest("text"), undefined);
  });

  it("lists every range, longest first, equals in order of adding", () => {
    assert.deepEqual(trie.all("10.1.2.3"), ["host", "ten-one", "second", "ten"]);
    assert.deepEqual(trie.all("2001:db8::1"), ["six-host", "six"]);
    assert.deepEqual(trie.all("1.1.1.1"), []);
  });
});
