import assert from "node:assert/strict";
import { test } from "node:test";
import { createFraming } from "../../../bench/load/generator/body-framing.ts";
import { ResponseReader } from "../../../bench/load/generator/response-reader.ts";

const STREAM = Buffer.from(
  "HTTP/1.1 100 Continue\r\n\r\n" +
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" +
    "HTTP/1.1 200 OK\r\nServer: x\r\ntransfer-encoding: chunked\r\n\r\n" +
    "a;ext=1\r\n0123456789\r\n3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n" +
    "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n" +
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
);

test("responses are counted whole, however the bytes are cut", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const reader = new ResponseReader();
    let completed = 0;
    for (let at = 0; at < STREAM.length; at += size) {
      // The bytes are only lent: the reader may keep none of them.
      const lent = Buffer.from(STREAM.subarray(at, at + size));
      completed += reader.feed(lent);
      lent.fill(0x21);
    }
    assert.deepEqual(
      [completed, reader.status, reader.closes, reader.bodyBytes, reader.idle],
      [4, 503, true, 18, true],
      `cut every ${size} bytes`,
    );
  }
});

test("a body without framing ends with the connection", () => {
  const reader = new ResponseReader();
  assert.equal(reader.feed(Buffer.from("HTTP/1.1 200 OK\r\n\r\npart")), 0);
  assert.equal(reader.closes, true);
  assert.equal(reader.end(), true);
  assert.equal(reader.bodyBytes, 4);
  assert.equal(new ResponseReader().end(), false);
});

test("bytes that are no response are refused", () => {
  assert.throws(
    () => new ResponseReader().feed(Buffer.from("SSH-2.0-x\r\n\r\n")),
    /not a response/,
  );
});

test("a body knows how many of the bytes are its own", () => {
  const fixed = createFraming("POST / HTTP/1.1\r\nContent-Length: 3\r\n", "request");
  assert.equal(fixed.consume(Buffer.from("..abcGET"), 2), 3);
  assert.equal(fixed.done, true);
  const none = createFraming("GET / HTTP/1.1\r\nHost: x\r\n", "request");
  assert.equal(none.done, true);
  const chunked = createFraming("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "response");
  assert.throws(() => chunked.consume(Buffer.from("zz\r\n"), 0), /bad chunk size/);
});
