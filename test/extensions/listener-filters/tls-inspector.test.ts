import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientHelloParser } from "../../../src/extensions/listener-filters/tls-inspector/client-hello.ts";
import { tlsInspector } from "../../../src/extensions/listener-filters/tls-inspector/tls-inspector.ts";
import type { TlsInspector } from "../../../src/proto/generated/envoy/extensions/filters/listener/tls_inspector/v3.ts";
import { clientHello, handshake, records } from "../../kit/client-hello.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../../kit/listener-fixture.ts";
import { ECHO_MESSAGE, echoFilterType } from "../../kit/scripted-network-filter.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";

const TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";

function parse(bytes: Buffer): [string, string, readonly string[]] {
  const parser = new ClientHelloParser();
  return [parser.parse(bytes), parser.serverName, parser.applicationProtocols];
}

describe("ClientHelloParser", () => {
  it("finds server name, in lower case, and protocols in order", () => {
    const hello = clientHello({ serverName: "WWW.Example.com", protocols: ["h2", "http/1.1"] });
    assert.deepEqual(parse(hello), ["hello", "www.example.com", ["h2", "http/1.1"]]);
    assert.deepEqual(parse(clientHello()), ["hello", "", []]);
  });

  it("ignores what follows the ClientHello", () => {
    const bytes = Buffer.concat([clientHello({ serverName: "a" }), Buffer.from("garbage")]);
    assert.deepEqual(parse(bytes), ["hello", "a", []]);
  });

  it("needs every byte, and never decides early", () => {
    for (const fragment of [1, 3, 50, 16384]) {
      const hello = clientHello({ serverName: "a.com", protocols: ["h2"], fragment });
      for (let length = 0; length < hello.length; length++) {
        assert.equal(parse(hello.subarray(0, length))[0], "need-more", `${fragment}/${length}`);
      }
      assert.deepEqual(parse(hello), ["hello", "a.com", ["h2"]]);
    }
  });

  it("rejects other protocols with their first bytes", () => {
    for (const text of ["G", "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x00", "\x15\x03\x01"]) {
      assert.equal(parse(Buffer.from(text, "latin1"))[0], "not-tls", text);
    }
    assert.equal(parse(Buffer.from([22, 2]))[0], "not-tls");
    assert.equal(parse(Buffer.from([22, 3, 1, 0, 0]))[0], "not-tls", "an empty record");
    assert.equal(parse(Buffer.from([22, 3, 1, 0x40, 1]))[0], "not-tls", "a record over 16 KiB");
    assert.equal(parse(records(handshake(2, Buffer.alloc(40)), 999))[0], "not-tls", "ServerHello");
  });

  it("rejects malformed names and protocols", () => {
    for (const serverName of ["", "a\0b", "x".repeat(256)]) {
      assert.equal(parse(clientHello({ serverName }))[0], "not-tls", JSON.stringify(serverName));
    }
    assert.equal(parse(clientHello({ protocols: [""] }))[0], "not-tls");
  });

  it("never throws and never reads past the end, whatever the bytes", () => {
    const random = new SeededRandom(11);
    const hello = clientHello({ serverName: "a.example.com", protocols: ["h2", "http/1.1"] });
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(hello.subarray(0, 1 + random.below(hello.length)));
      for (let flips = random.below(4); flips >= 0; flips--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      const [status, name, protocols] = parse(bytes);
      if (status === "hello") assert.ok(name.length <= 255 && protocols.length < 10);
    }
  });
});

describe("tls_inspector", () => {
  async function start(message: TlsInspector = {}): Promise<ListenerFixture> {
    const proxy = new ListenerFixture({
      networkFilters: [echoFilterType()],
      listenerFilters: [tlsInspector()],
    });
    const chain = (tag: string) => [filterMessage(ECHO_MESSAGE, { tag })];
    await proxy.apply(
      listenerMessage(1000, [], {
        listenerFilters: [filterMessage(TLS_INSPECTOR, message)],
        filterChains: [
          { filterChainMatch: { serverNames: ["a.com"] }, filters: chain("name") },
          { filterChainMatch: { transportProtocol: "tls" }, filters: chain("tls") },
          { filters: chain("plain") },
        ],
      }),
    );
    return proxy;
  }

  async function answer(proxy: ListenerFixture, ...chunks: (string | Buffer)[]): Promise<string> {
    const client = proxy.connect(1000);
    for (const chunk of chunks) {
      client.send(chunk);
      await proxy.time.advance(1);
    }
    return client.closed || client.ended ? "closed" : client.text.split(":")[0]!;
  }

  it("leads to the filter chain of the server name, and gives it every byte", async () => {
    const proxy = await start();
    const hello = clientHello({ serverName: "A.com", protocols: ["h2"] });
    const client = proxy.connect(1000);
    client.send(hello);
    await proxy.time.advance(0);
    assert.equal(client.text, `name:${hello.toString("latin1")}`);
    assert.equal(await answer(proxy, clientHello({ serverName: "b.com" })), "tls");
    assert.equal(await answer(proxy, "GET / HTTP/1.1\r\n\r\n"), "plain");
    const stats = ["tls_found", "tls_not_found", "sni_found", "alpn_found", "alpn_not_found"];
    assert.deepEqual(
      stats.map((name) => proxy.stat(`tls_inspector.${name}`)),
      [2, 1, 2, 1, 1],
    );
    await proxy.close();
  });

  it("waits for a ClientHello that comes in pieces", async () => {
    const proxy = await start();
    const hello = clientHello({ serverName: "a.com", fragment: 20 });
    const pieces = [...hello].map((byte) => Buffer.from([byte]));
    assert.equal(await answer(proxy, ...pieces), "name");
    await proxy.close();
  });

  it("closes on a ClientHello beyond the limit", async () => {
    const proxy = await start();
    assert.equal(await answer(proxy, clientHello({ padding: 17_000 })), "closed");
    assert.equal(proxy.stat("tls_inspector.client_hello_too_large"), 1);
    const small = await start({ maxClientHelloSize: 300 });
    assert.equal(await answer(small, clientHello({ padding: 400 })), "closed");
    assert.equal(await answer(small, clientHello({ serverName: "a.com" })), "name");
    await small.close();
    await proxy.close();
  });

  it("closes on bytes that are no TLS only when asked to", async () => {
    const proxy = await start({ closeConnectionOnClientHelloParsingErrors: true });
    assert.equal(await answer(proxy, "GET / HTTP/1.1\r\n\r\n"), "closed");
    await proxy.close();
  });
});
