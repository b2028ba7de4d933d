import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpInspector } from "../../../src/extensions/listener-filters/http-inspector/http-inspector.ts";
import { detectHttp } from "../../../src/extensions/listener-filters/http-inspector/request-line.ts";
import { tlsInspector } from "../../../src/extensions/listener-filters/tls-inspector/tls-inspector.ts";
import { clientHello } from "../../kit/client-hello.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../../kit/listener-fixture.ts";
import { ECHO_MESSAGE, echoFilterType } from "../../kit/scripted-network-filter.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

describe("detectHttp", () => {
  const cases: [string, string][] = [
    ["GET / HTTP/1.1\r\n", "HTTP/1.1"],
    ["GET / HTTP/1.1\n", "HTTP/1.1"],
    ["OPTIONS * HTTP/1.0\r\nHost: x", "HTTP/1.0"],
    [PREFACE, "HTTP/2"],
    [`${PREFACE}more`, "HTTP/2"],
    ["", "need-more"],
    ["P", "need-more"],
    ["PRI * HTTP/2.0\r\n\r\nSM", "need-more"],
    ["DELET", "need-more"],
    ["GET /long", "need-more"],
    ["PRI * HTTP/2.0\r\n\r\nXX", "not-http"],
    ["GETS / HTTP/1.1\r\n", "not-http"],
    ["get / HTTP/1.1\r\n", "not-http"],
    ["GET / HTTP/3.0\r\n", "HTTP/1.0"],
    ["GET / HTTP/30\r\n", "not-http"],
    ["GET  / HTTP/1.1\r\n", "not-http"],
    ["GET /a b HTTP/1.1\r\n", "not-http"],
    ["GET /\r\n", "not-http"],
    ["\x16\x03\x01", "not-http"],
    ["SSH-2.0-OpenSSH", "not-http"],
    ["\r\nGET / HTTP/1.1\r\n", "not-http"],
  ];
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} is ${expected}`, () => {
      assert.equal(detectHttp(Buffer.from(text, "latin1")), expected);
    });
  }
});

describe("http_inspector", () => {
  async function start(): Promise<ListenerFixture> {
    const proxy = new ListenerFixture({
      networkFilters: [echoFilterType()],
      listenerFilters: [tlsInspector(), httpInspector()],
    });
    const chain = (protocol: string) => ({
      filterChainMatch: protocol === "" ? {} : { applicationProtocols: [protocol] },
      filters: [filterMessage(ECHO_MESSAGE, { tag: protocol })],
    });
    const inspectors = ["tls_inspector.v3.TlsInspector", "http_inspector.v3.HttpInspector"];
    await proxy.apply(
      listenerMessage(1000, [], {
        listenerFilters: inspectors.map((name) =>
          filterMessage(`envoy.extensions.filters.listener.${name}`),
        ),
        filterChains: ["http/1.0", "http/1.1", "h2c", "h2", ""].map(chain),
      }),
    );
    return proxy;
  }

  it("sets the protocol of plaintext HTTP: h2c, not h2, for the preface", async () => {
    const proxy = await start();
    const expected: [string | Buffer, string][] = [
      ["GET / HTTP/1.0\r\n\r\n", "http/1.0:"],
      ["GET / HTTP/1.1\r\n\r\n", "http/1.1:"],
      [PREFACE, "h2c:"],
      [clientHello({ protocols: ["h2"] }), "h2:"],
      ["nonsense\r\n", "nonsense"],
    ];
    for (const [bytes, start] of expected) {
      const client = proxy.connect(1000);
      client.send(bytes);
      await proxy.time.advance(0);
      assert.ok(client.text.startsWith(start), `${start} but ${JSON.stringify(client.text)}`);
    }
    const stats = ["http10_found", "http11_found", "http2_found", "http_not_found", "read_error"];
    assert.deepEqual(
      stats.map((name) => proxy.stat(`http_inspector.${name}`)),
      [1, 1, 1, 1, 0],
    );
    await proxy.close();
  });

  it("closes when 64 KiB hold no whole request line", async () => {
    const proxy = await start();
    const client = proxy.connect(1000);
    client.send(`GET /${"a".repeat(70_000)}`);
    await proxy.time.advance(0);
    assert.equal(client.closed || client.ended, true);
    assert.equal(proxy.stat("http_inspector.read_error"), 1);
    await proxy.close();
  });
});
