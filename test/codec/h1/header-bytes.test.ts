// Header bytes as Envoy counts them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { headerBytes, lineBytes } from "../../../src/codec/h1/header-bytes.ts";
import { ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";

test("a written head counts without start line and empty line", () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-a: b\r\n\r\n";
  assert.equal(headerBytes(head, head.indexOf("\r\n")), "content-length: 3\r\nx-a: b\r\n".length);
});

test("a received line counts without its space", () => {
  const headers = new ResponseHeaderMap();
  headers.add(headerName("content-length"), "3");
  headers.add(headerName("x-a"), "b");
  assert.equal(lineBytes(headers), 25);
});
