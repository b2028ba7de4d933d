import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ProxyHeaderResult,
  parseProxyHeader,
} from "../../../src/extensions/listener-filters/proxy-protocol/header.ts";
import { proxyProtocol } from "../../../src/extensions/listener-filters/proxy-protocol/proxy-protocol.ts";
import type { StreamInfo } from "../../../src/network/stream-info.ts";
import type { ProxyProtocol } from "../../../src/proto/generated/envoy/extensions/filters/listener/proxy_protocol/v3.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../../kit/listener-fixture.ts";
import { ECHO_MESSAGE, echoFilterType } from "../../kit/scripted-network-filter.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** A version 2 header: command byte, family byte, what follows. */
function v2(command: number, family: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  const head = Buffer.from([command, family, body.length >> 8, body.length & 255]);
  return Buffer.concat([SIGNATURE, head, body]);
}

const INET = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0, 0, 80]);
const INET6 = Buffer.concat([
  Buffer.from("20010db8000000000000000000000001", "hex"),
  Buffer.from("fd000000000000000000000000000002", "hex"),
  Buffer.from([0x10, 0, 0, 80]),
]);

function tlv(type: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([type, 0, value.length]), Buffer.from(value)]);
}

function parse(bytes: string | Buffer): ProxyHeaderResult {
  return parseProxyHeader(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
}

/** source > destination, or the kind of the answer. */
function summary(bytes: string | Buffer): string {
  const result = parse(bytes);
  if (result.kind !== "header") return result.kind;
  const { addresses, version } = result.header;
  if (addresses === null) return `v${version} own`;
  const { source, destination } = addresses;
  return `v${version} ${source.ip} ${source.port} > ${destination.ip} ${destination.port}`;
}

describe("parseProxyHeader: version 1", () => {
  const cases: [string, string][] = [
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\nGET", "v1 1.2.3.4 1000 > 5.6.7.8 80"],
    ["PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", "v1 2001:db8::1 1 > ::1 2"],
    ["PROXY UNKNOWN\r\n", "v1 own"],
    ["PROXY UNKNOWN ffff::1 nonsense 1 2\r\n", "v1 own"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1000 80", "need-more"],
    ["PRO", "need-more"],
    ["", "need-more"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n", "error"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1000 80 9\r\n", "error"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 99999 80\r\n", "error"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 -1 80\r\n", "error"],
    ["PROXY TCP4 ::1 ::1 1 2\r\n", "error"],
    ["PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", "error"],
    ["PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", "error"],
    ["PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", "error"],
    [`PROXY TCP4 ${"1".repeat(120)}`, "error"],
    ["GET / HTTP/1.1\r\n", "none"],
    ["PROXXY TCP4", "none"],
  ];
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text.slice(0, 50))} is ${expected}`, () => {
      assert.equal(summary(text), expected);
    });
  }
});

describe("parseProxyHeader: version 2", () => {
  it("reads IPv4, IPv6, LOCAL and unspecified headers", () => {
    assert.equal(summary(v2(0x21, 0x11, INET)), "v2 1.2.3.4 4096 > 5.6.7.8 80");
    assert.equal(summary(v2(0x21, 0x12, INET)), "v2 1.2.3.4 4096 > 5.6.7.8 80");
    assert.equal(summary(v2(0x21, 0x21, INET6)), "v2 2001:db8::1 4096 > fd00::2 80");
    assert.equal(summary(v2(0x20, 0x11, INET)), "v2 own");
    assert.equal(summary(v2(0x20, 0)), "v2 own");
    assert.equal(summary(v2(0x21, 0)), "v2 own");
  });

  it("needs every byte", () => {
    const header = v2(0x21, 0x11, INET, tlv(1, "h2"));
    for (let length = 0; length < header.length; length++) {
      assert.equal(summary(header.subarray(0, length)), "need-more");
    }
  });

  it("refuses other versions, commands, families, and lengths that do not fit", () => {
    assert.equal(summary(v2(0x11, 0x11, INET)), "error");
    assert.equal(summary(v2(0x22, 0x11, INET)), "error");
    assert.equal(summary(v2(0x21, 0x31, Buffer.alloc(216))), "error");
    assert.equal(summary(v2(0x21, 0x13, INET)), "error");
    assert.equal(summary(v2(0x21, 0x11, INET.subarray(0, 11))), "error");
    assert.equal(summary(v2(0x21, 0x11, INET, Buffer.from([1, 0]))), "error");
    assert.equal(summary(v2(0x21, 0x11, INET, Buffer.from([1, 0, 9, 1]))), "error");
  });

  it("never throws, whatever the bytes", () => {
    const random = new SeededRandom(5);
    const header = v2(0x21, 0x21, INET6, tlv(1, "h2"), tlv(2, "name"));
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(header.subarray(0, random.below(header.length + 1)));
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
      parse(bytes);
    }
  });
});

describe("proxy_protocol", () => {
  const PROXY_PROTOCOL = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";

  async function start(message: ProxyProtocol, logged: StreamInfo[] = []) {
    const proxy = new ListenerFixture({
      networkFilters: [echoFilterType()],
      listenerFilters: [proxyProtocol()],
      logged,
    });
    await proxy.apply(
      listenerMessage(1000, [filterMessage(ECHO_MESSAGE)], {
        listenerFilters: [filterMessage(PROXY_PROTOCOL, message)],
        accessLog: [{}],
      }),
    );
    return proxy;
  }

  async function exchange(proxy: ListenerFixture, ...chunks: (string | Buffer)[]): Promise<string> {
    const client = proxy.connect(1000);
    for (const chunk of chunks) {
      client.send(chunk);
      await proxy.time.advance(0);
    }
    const { text } = client;
    client.end();
    await proxy.time.advance(0);
    return text;
  }

  it("sets both addresses, consumes the header and nothing more", async () => {
    const logged: StreamInfo[] = [];
    const proxy = await start({}, logged);
    assert.equal(await exchange(proxy, "PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\nhello"), "hello");
    const info = logged[0]!.connection;
    assert.deepEqual(info.remoteAddress, { ip: "1.2.3.4", port: 1000 });
    assert.deepEqual(info.localAddress, { ip: "5.6.7.8", port: 80 });
    assert.equal(info.directRemoteAddress.ip, "127.0.0.1");
    assert.equal(info.localAddressRestored, true);
    assert.deepEqual(logged[0]!.remoteAddress, info.remoteAddress);
    assert.equal(proxy.stat("proxy_proto.versions.v1.found"), 1);
    await proxy.close();
  });

  it("reads a header in pieces, and keeps the socket's addresses for LOCAL", async () => {
    const logged: StreamInfo[] = [];
    const proxy = await start({ statPrefix: "in" }, logged);
    const pieces = [...v2(0x20, 0, tlv(1, "h2"))].map((byte) => Buffer.from([byte]));
    assert.equal(await exchange(proxy, ...pieces, "hello"), "hello");
    assert.equal(logged[0]!.connection.remoteAddress.ip, "127.0.0.1");
    assert.equal(logged[0]!.connection.localAddressRestored, false);
    assert.equal(proxy.stat("proxy_proto.in.versions.v2.found"), 1);
    await proxy.close();
  });

  it("puts TLVs into dynamic metadata or filter state", async () => {
    const rules = [
      { tlvType: 2, onTlvPresent: { key: "authority" } },
      { tlvType: 0xea, onTlvPresent: { key: "vpce", metadataNamespace: "aws" } },
    ];
    const header = v2(0x21, 0x11, INET, tlv(2, "a.com"), tlv(0xea, "id"), tlv(9, "other"));
    const logged: StreamInfo[] = [];
    const metadata = await start({ rules }, logged);
    await exchange(metadata, header);
    assert.deepEqual(logged[0]!.allMetadata, {
      "envoy.filters.listener.proxy_protocol": { authority: "a.com" },
      aws: { vpce: "id" },
    });
    await metadata.close();
    const state = await start({ rules, tlvLocation: "FILTER_STATE" }, logged);
    await exchange(state, header);
    const object = logged[1]!.filterState("envoy.network.proxy_protocol.tlv");
    assert.equal(object?.field?.("vpce"), "id");
    assert.equal(logged[1]!.allMetadata, null);
    await state.close();
  });

  it("closes on missing, malformed and disallowed headers, and counts why", async () => {
    const proxy = await start({ disallowedVersions: ["V2"] });
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 x\r\n", v2(0x21, 0x11, INET)]) {
      const client = proxy.connect(1000);
      client.send(bytes);
      await proxy.time.advance(0);
      assert.equal(client.closed || client.ended, true);
    }
    assert.equal(proxy.stat("proxy_proto.not_found_disallowed"), 1);
    assert.equal(proxy.stat("proxy_proto.versions.v1.error"), 1);
    assert.equal(proxy.stat("proxy_proto.versions.v2.disallowed"), 1);
    await proxy.close();
  });

  it("lets connections without a header pass when allowed, with every byte", async () => {
    const proxy = await start({ allowRequestsWithoutProxyProtocol: true });
    assert.equal(await exchange(proxy, "PROX", "IMITY"), "PROXIMITY");
    assert.equal(await exchange(proxy, "hello"), "hello");
    assert.equal(proxy.stat("proxy_proto.not_found_allowed"), 2);
    await proxy.close();
  });
});
