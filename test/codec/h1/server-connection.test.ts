import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { responseHeaders, ServerFixture } from "./codec-fixture.ts";

const GET = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";

describe("requests", () => {
  it("arrive whole, in any pieces", () => {
    const text = "POST /p HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello";
    for (const step of [1, 2, 3, 7, 40, text.length]) {
      const server = new ServerFixture();
      const events = server.receive(text, step);
      assert.equal(events[0], "POST a/p x-one=1 content-length=5", `step ${step}`);
      const body = events.slice(1).map((event) => /^"(.*)"/.exec(event)![1]);
      assert.equal(body.join(""), "hello");
      assert.match(events.at(-1)!, / end$/);
    }
  });

  it("without a body end with their head", () => {
    assert.deepEqual(new ServerFixture().receive(GET), ["GET a/p end"]);
    const zero = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert.deepEqual(new ServerFixture().receive(zero), ["POST a/ content-length=0 end"]);
  });

  it("in chunks lose their chunking, however they are cut", () => {
    const text =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    for (const step of [1, 4, text.length]) {
      const events = new ServerFixture().receive(text, step);
      const body = events.slice(1).map((event) => /^"(.*)"/.exec(event)![1]);
      assert.equal(body.join(""), "hello world", `step ${step}`);
    }
  });

  it("hand over trailers when enabled, and end without them otherwise", () => {
    const text =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n";
    const enabled = new ServerFixture({ enableTrailers: true }).receive(text);
    assert.deepEqual(enabled.slice(1), ['"x"', "trailers x-sum=7"]);
    assert.deepEqual(new ServerFixture().receive(text).slice(1), ['"x" end']);
  });

  it("wait for the response before them, while reading goes on to see the client leave", () => {
    const server = new ServerFixture();
    assert.deepEqual(server.receive(GET + GET.replace("/p", "/q")), ["GET a/p end"]);
    assert.equal(server.connection.readDisables, 0);
    server.respond(200, null);
    assert.equal(server.events.at(-1), "GET a/q end");
  });

  it("stop reading when too many bytes of them wait", () => {
    const server = new ServerFixture();
    const body = "x".repeat(17_000);
    const post = `POST /q HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    server.receive(GET);
    server.receive(post.slice(0, 100));
    assert.equal(server.connection.readDisables, 0);
    server.receive(post.slice(100));
    assert.equal(server.connection.readDisables, 1);
    server.respond(200, null);
    assert.equal(server.connection.readDisables, 0);
    assert.equal(server.events.at(-1), `"${body}" end`);
  });

  it("take an empty line before the start line, as RFC 9112 §2.2 allows", () => {
    assert.deepEqual(new ServerFixture().receive(`\r\n${GET}`), ["GET a/p end"]);
  });

  it("in absolute form name their host", () => {
    const events = new ServerFixture().receive("GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.deepEqual(events, ["GET b/x?y end"]);
  });

  it("with CONNECT open a tunnel for bytes behind the head", () => {
    const server = new ServerFixture();
    const events = server.receive("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    assert.deepEqual(events, ["CONNECT a:1"]);
    assert.deepEqual(server.receive("GET \0"), ['"GET \0"']);
  });

  it("are reset when the connection closes", () => {
    const server = new ServerFixture();
    server.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    server.codec.onConnectionClose();
    assert.equal(server.events.at(-1), "reset connection termination");
  });

  it("are streams from their first byte on, empty lines apart", () => {
    const server = new ServerFixture();
    server.receive("\r\n\r\n");
    assert.equal(server.encoders.length, 0);
    server.receive("G");
    assert.equal(server.encoders.length, 1);
    assert.deepEqual(server.receive("ET / HTTP/1.1\r\nHost: a\r\n\r\n"), ["GET a/ end"]);
    assert.equal(server.encoders.length, 1);
  });
});

describe("refused requests", () => {
  const refused: readonly (readonly [why: string, head: string, status: number])[] = [
    ["both framings", "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400],
    ["two lengths", "Host: a\r\nContent-Length: 1\r\nContent-Length: 1", 400],
    ["a signed length", "Host: a\r\nContent-Length: +1", 400],
    ["a list as length", "Host: a\r\nContent-Length: 1,1", 400],
    ["an unknown coding", "Host: a\r\nTransfer-Encoding: gzip", 501],
    ["a coding before chunked", "Host: a\r\nTransfer-Encoding: gzip, chunked", 501],
    ["chunked twice", "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501],
    ["a blank before the colon", "Host: a\r\nX : 1", 400],
    ["a folded line", "Host: a\r\nX: 1\r\n 2", 400],
    ["an empty name", "Host: a\r\n: 1", 400],
    ["a bare LF", "Host: a\nX: 1", 400],
    ["a bare CR", "Host: a\r\nX: 1\r2", 400],
    ["NUL in a value", "Host: a\r\nX: \0", 400],
    ["a second Host", "Host: a\r\nHost: b", 400],
    ["too many headers", `Host: a${"\r\nX: 1".repeat(100)}`, 431],
    ["a head too long", `Host: a\r\nX: ${"x".repeat(61 * 1024)}`, 431],
  ];
  for (const [why, head, status] of refused) {
    it(`${why}: ${status}, in one piece and byte by byte`, () => {
      const text = `POST / HTTP/1.1\r\n${head}\r\n\r\n`;
      for (const step of head.length > 9999 ? [1460] : [1, text.length]) {
        const server = new ServerFixture();
        const events = server.receive(text, step);
        assert.equal(events.length, 1, events.join());
        assert.match(events[0]!, new RegExp(`^refused ${status} `));
        // Nothing after a refusal counts as a request.
        assert.deepEqual(server.receive(GET), []);
      }
    });
  }

  const startLines: readonly string[] = [
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET / HTTP/1.2",
    "GET /\tx HTTP/1.1",
    "GET / http/1.1",
    " GET / HTTP/1.1",
    "G@T / HTTP/1.1",
    "GET HTTP/1.1",
    "BREW / HTTP/1.1",
  ];
  for (const line of startLines) {
    it(`a start line ${JSON.stringify(line)}: 400`, () => {
      const [event] = new ServerFixture().receive(`${line}\r\nHost: a\r\n\r\n`);
      assert.match(event!, /^refused 400 /);
    });
  }

  it("a broken chunk ends the stream that it belongs to", () => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const chunk of ["g\r\n", "-1\r\n", "1\nx", "1\r\nxx", "\r\n", "ffffffffffffffff\r\n"]) {
      const events = new ServerFixture().receive(head + chunk);
      assert.match(events.at(-1)!, /^refused 400 /, JSON.stringify(chunk));
    }
  });

  it("HTTP/1.0 is sent to HTTP/1.1 unless it is accepted", () => {
    const text = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
    assert.match(new ServerFixture().receive(text)[0]!, /^refused 426 .* low_version$/);
    assert.deepEqual(new ServerFixture({ acceptHttp10: true }).receive(text), ["GET a/ end"]);
  });

  it("an HTTP/2 preface is answered with GOAWAY", () => {
    const server = new ServerFixture();
    assert.deepEqual(server.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ["codec close"]);
    // An empty SETTINGS frame, then GOAWAY (type 7) with HTTP_1_1_REQUIRED (13).
    assert.match(server.connection.written, /\x07[\s\S]*\x0d$/);
  });
});

describe("responses", () => {
  const respond = (request: string, status: number, body: string | null, fields = {}): string => {
    const server = new ServerFixture({ acceptHttp10: true });
    server.receive(request);
    return server.respond(status, body, fields);
  };
  const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

  it("without a known length are chunked", () => {
    const text = respond(POST, 200, "hello");
    assert.equal(
      text,
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
  });

  it("with a length keep it, and never carry two framings", () => {
    const text = respond(POST, 200, "hi", {
      "content-length": "2",
      "transfer-encoding": "chunked",
    });
    assert.equal(text, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
  });

  it("without a body say so", () => {
    assert.equal(respond(POST, 200, null), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });

  it("with 204, 304 and to HEAD have no body and no framing of ours", () => {
    assert.equal(respond(POST, 204, null), "HTTP/1.1 204 No Content\r\n\r\n");
    assert.equal(respond(POST, 304, null), "HTTP/1.1 304 Not Modified\r\n\r\n");
    const head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert.equal(
      respond(head, 200, "ignored", { "content-length": "7" }),
      "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n",
    );
  });

  it("to HTTP/1.0 are framed by close", () => {
    const text = respond("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 200, "hi");
    assert.equal(text, "HTTP/1.0 200 OK\r\n\r\nhi");
  });

  it("carry trailers without framing fields, when enabled", () => {
    const server = new ServerFixture({ enableTrailers: true });
    server.receive(POST);
    const [encoder] = server.encoders;
    encoder!.encodeHeaders(responseHeaders(200), false);
    const trailers = new HeaderMap();
    trailers.add(headerName("x-sum"), "7");
    trailers.add(headerName("content-length"), "9");
    encoder!.encodeTrailers(trailers);
    assert.match(server.connection.take(), /\r\n0\r\nx-sum: 7\r\n\r\n$/);
  });

  it("may be preceded by informational ones", () => {
    const server = new ServerFixture();
    server.receive(POST);
    server.encoders[0]!.encodeInformational(responseHeaders(103, { link: "</a>" }));
    assert.match(server.connection.take(), /^HTTP\/1\.1 103 [A-Z].*\r\nlink: <\/a>\r\n\r\n$/);
    assert.match(server.respond(200, null), /^HTTP\/1\.1 200 OK/);
  });

  it("with 101 turn the connection into a tunnel", () => {
    const server = new ServerFixture();
    server.receive(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    const [encoder] = server.encoders;
    encoder!.encodeHeaders(responseHeaders(101), false);
    server.connection.take();
    assert.deepEqual(server.receive("\x81\x00"), ['"\x81\x00"']);
    encoder!.encodeData(Buffer.from("raw"), false);
    assert.equal(server.connection.take(), "raw");
  });

  it("write header names in the case that was asked for", () => {
    const server = new ServerFixture({ headerCase: "proper" });
    server.receive(POST);
    const text = server.respond(200, null, { "x-some-name": "1" });
    assert.equal(text, "HTTP/1.1 200 OK\r\nX-Some-Name: 1\r\nContent-Length: 0\r\n\r\n");
  });

  it("pass the connection's watermarks to the stream in progress", () => {
    const server = new ServerFixture();
    server.codec.onAboveWriteBufferHighWatermark();
    server.receive(POST);
    server.codec.onAboveWriteBufferHighWatermark();
    server.codec.onBelowWriteBufferLowWatermark();
    assert.deepEqual(server.events.slice(1), ["high", "low"]);
  });

  it("that are reset close the connection and are not told of it", () => {
    const server = new ServerFixture();
    server.receive(POST);
    server.encoders[0]!.resetStream("local reset");
    assert.deepEqual(server.events.slice(1), ["codec close"]);
    server.codec.onConnectionClose();
    assert.equal(server.events.length, 2);
  });
});
