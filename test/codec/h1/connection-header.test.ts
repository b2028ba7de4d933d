import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientFixture, ServerFixture } from "./codec-fixture.ts";

const get = (...lines: string[]): string =>
  `GET / HTTP/1.1\r\nhost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

/** What the connection manager is told of a request with these header lines. */
const told = (...lines: string[]): string => new ServerFixture().receive(get(...lines)).join("; ");

describe("headers that Connection nominates", () => {
  it("are taken out together with their nomination", () => {
    assert.equal(
      told("connection: x-a, close", "x-a: 1", "x-b: 2"),
      "GET a/ connection=close x-b=2 end",
    );
    assert.equal(told("connection: x-a", "connection: X-B", "x-a: 1", "x-b: 2"), "GET a/ end");
  });

  it("that are not there do no harm", () => {
    assert.equal(told("connection: x-a"), "GET a/ connection=x-a end");
  });

  it("keep te when it asks for trailers", () => {
    assert.equal(
      told("connection: te", "te: gzip, trailers"),
      "GET a/ connection=te te=trailers end",
    );
    assert.equal(told("connection: te", "te: gzip"), "GET a/ end");
  });

  it("may be the host: then the request has none", () => {
    assert.equal(told("connection: host"), "GET / connection=host end");
  });

  for (const [why, ...lines] of [
    ["tell where a request came from", "connection: x-forwarded-for", "x-forwarded-for: 1.1.1.1"],
    ["are pseudo headers", "connection: :path"],
    ["are ten or more", "connection: a,b,c,d,e,f,g,h,i,j"],
    ["are a te too long to judge", "connection: te", `te: ${"x".repeat(256)}`],
  ] as const) {
    it(`that ${why} refuse the request`, () => {
      assert.equal(told(...lines), "refused 400 Bad Request http1.connection_header_rejected");
    });
  }
});

describe("several lines of one header", () => {
  it("become one value where Envoy keeps one, and stay lines otherwise", () => {
    assert.equal(
      told("accept: a", "x: 1", "Accept: b", "x: 2", "cookie: a", "cookie: b"),
      "GET a/ accept=a,b x=1 x=2 cookie=a cookie=b end",
    );
  });
});

describe("a response", () => {
  const received = (text: string): readonly string[] => {
    const client = new ClientFixture();
    client.request("GET");
    client.codec.dispatch(Buffer.from(text));
    return client.events;
  };

  it("without a body may not announce one", () => {
    for (const head of ["204 No Content", "103 Early Hints"]) {
      for (const framing of ["content-length: 3", "transfer-encoding: chunked"]) {
        const events = received(`HTTP/1.1 ${head}\r\n${framing}\r\n\r\n`);
        assert.match(events.join("; "), /reset protocol error/, `${head}, ${framing}`);
      }
    }
    assert.doesNotMatch(
      received("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").join(),
      /content-length|reset/,
    );
  });

  it("may announce the end of the connection as proxies do", () => {
    const events = received(
      "HTTP/1.1 200 OK\r\nproxy-connection: Close\r\ncontent-length: 0\r\n\r\n",
    );
    assert.match(events.at(-1)!, /no more streams/);
  });
});
