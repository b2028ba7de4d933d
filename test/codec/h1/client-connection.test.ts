import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientFixture, requestHeaders } from "./codec-fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

const after = (method: string, response: string, step?: number): readonly string[] => {
  const client = new ClientFixture();
  client.request(method);
  return client.receive(response, step);
};

describe("requests", () => {
  it("carry one framing, chosen by what follows", () => {
    const request = (method: string, body: string | null, fields = {}): string =>
      new ClientFixture().request(method, body, fields).replace("host: a\r\n", "");
    assert.equal(request("GET", null), "GET / HTTP/1.1\r\n\r\n");
    assert.equal(request("POST", null), "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
    assert.equal(
      request("POST", "hi"),
      "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    const both = { "content-length": "2", "transfer-encoding": "chunked" };
    assert.equal(request("POST", "hi", both), "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi");
  });

  it("name the authority of a CONNECT as target", () => {
    assert.match(
      new ClientFixture().request("CONNECT", ""),
      /^CONNECT a HTTP\/1\.1\r\nhost: a\r\n/,
    );
  });

  it("carry a full address when asked to", () => {
    const text = new ClientFixture({ sendFullyQualifiedUrl: true }).request("GET");
    assert.match(text, /^GET http:\/\/a\/ HTTP\/1\.1\r\n/);
  });
});

describe("responses", () => {
  it("arrive whole, in any pieces, and free the connection", () => {
    for (const step of [1, 3, OK.length]) {
      const events = after("GET", OK, step);
      assert.equal(events[0], "200 content-length=2");
      const body = events.slice(1, -1).map((event) => /^"(.*)"/.exec(event)![1]);
      assert.equal(body.join(""), "hi", `step ${step}`);
      assert.equal(events.at(-1), "complete");
    }
  });

  it("follow one another on one connection", () => {
    const client = new ClientFixture();
    for (let round = 0; round < 3; round += 1) {
      client.request("GET");
      assert.equal(client.receive(OK).at(-1), "complete");
    }
  });

  it("to HEAD, and 204, and 304, have no body", () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    assert.deepEqual(after("HEAD", head), ["200 content-length=2 end", "complete"]);
    assert.deepEqual(after("GET", "HTTP/1.1 204 No Content\r\n\r\n"), ["204 end", "complete"]);
    assert.deepEqual(after("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), [
      "304 content-length=9 end",
      "complete",
    ]);
  });

  it("framed by close end with the connection, which carries no other", () => {
    const client = new ClientFixture();
    client.request("GET");
    assert.deepEqual(client.receive("HTTP/1.1 200 OK\r\n\r\nab"), ["200", '"ab"']);
    client.codec.onConnectionClose("connection termination", "");
    assert.equal(client.events.at(-1), '"" end');
  });

  it("cut short are reset", () => {
    const client = new ClientFixture();
    client.request("GET");
    client.receive("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    client.codec.onConnectionClose("connection termination", "");
    assert.equal(client.events.at(-1), "reset protocol error");
  });

  it("announce the last use of the connection", () => {
    const close = OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    assert.equal(after("GET", close).at(-1), "no more streams");
    const http10 = OK.replace("HTTP/1.1", "HTTP/1.0");
    assert.equal(after("GET", http10).at(-1), "no more streams");
  });

  it("may come after informational ones", () => {
    const events = after(
      "GET",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK}`,
    );
    assert.deepEqual(events.slice(0, 2), ["informational 100", "informational 103"]);
    assert.equal(events.at(-1), "complete");
  });

  it("that come before the request ends keep the connection until it has ended", () => {
    const client = new ClientFixture();
    const encoder = client.codec.newStream(client.decoder());
    encoder.encodeHeaders(requestHeaders("POST", "/", { "content-length": "4" }), false);
    encoder.encodeData(Buffer.from("ab"), false);
    client.receive(OK);
    assert.doesNotMatch(client.events.join(), /complete/);
    encoder.encodeData(Buffer.from("cd"), true);
    assert.equal(client.events.at(-1), "complete");
  });

  it("turn into a tunnel after an upgrade, and after CONNECT", () => {
    const client = new ClientFixture();
    client.request("GET", null, { connection: "upgrade", upgrade: "websocket" });
    const switching =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket";
    assert.deepEqual(client.receive(`${switching}\r\n\r\n\x81`).slice(1), ['"\x81"']);
    assert.deepEqual(after("CONNECT", "HTTP/1.1 200 OK\r\n\r\nraw"), ["200", '"raw"']);
  });
});

describe("what no request asked for", () => {
  it("ends the connection: bytes while idle", () => {
    const client = new ClientFixture();
    assert.deepEqual(client.receive(OK), ["protocol error unsolicited_bytes"]);
    assert.deepEqual(client.receive(OK), []);
  });

  it("ends the connection: bytes behind a response, which itself is kept", () => {
    const events = after("GET", `${OK}HTTP/1.1 200`);
    assert.deepEqual(events.slice(0, 2), ["200 content-length=2", '"hi" end']);
    assert.equal(events.at(-1), "protocol error unsolicited_bytes");
  });

  const malformed: readonly string[] = [
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.1 200 OK\nX: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "garbage, and more of it\r\n\r\n",
  ];
  for (const response of malformed) {
    it(`resets the stream: ${JSON.stringify(response)}`, () => {
      const events = after("GET", response);
      assert.match(events[0]!, /^protocol error /);
      assert.equal(events[1], "reset protocol error");
      assert.equal(events.length, 2);
    });
  }

  it("is told once: a stream that we reset hears nothing more", () => {
    const client = new ClientFixture();
    const encoder = client.codec.newStream(client.decoder());
    encoder.resetStream("local reset");
    encoder.resetStream("local reset");
    client.codec.onConnectionClose("connection termination", "");
    assert.deepEqual(client.events, ["no more streams"]);
  });
});
