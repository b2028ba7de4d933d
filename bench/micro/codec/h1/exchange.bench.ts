// One HTTP/1 exchange through the codecs, without a socket: head in, head out, bodies by length and
// chunked, on both sides.

import { requestHead, responseHead } from "../../../../src/codec/h1/head-writer.ts";
import { RequestParser } from "../../../../src/codec/h1/request-parser.ts";
import { ResponseParser } from "../../../../src/codec/h1/response-parser.ts";
import { DEFAULT_HTTP1_SETTINGS } from "../../../../src/codec/h1/settings.ts";
import {
  ClientFixture,
  requestHeaders,
  responseHeaders,
  ServerFixture,
} from "../../../../test/codec/h1/codec-fixture.ts";
import { bench } from "../../../kit/micro.ts";

const FIELDS = {
  "user-agent": "curl/8.5.0",
  accept: "*/*",
  "accept-encoding": "gzip, deflate, br",
  "accept-language": "en-US,en;q=0.9",
  cookie: "session=0123456789abcdef0123456789abcdef; theme=dark",
  "x-forwarded-for": "10.1.2.3",
  "x-forwarded-proto": "http",
  "x-request-id": "8c7d9a4e-1f2b-4c3d-9e8f-7a6b5c4d3e2f",
  "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124",
  "x-b3-spanid": "a2fb4a1d1a96d312",
};
const head = requestHead(
  requestHeaders("GET", "/api/v1/products/42?full=1", FIELDS),
  "none",
  DEFAULT_HTTP1_SETTINGS,
);
const request = Buffer.from(head, "latin1");
const answer = responseHeaders(200, {
  "content-type": "application/json",
  server: "envoy",
  date: "Mon, 01 Jan 2024 00:00:00 GMT",
  "x-envoy-upstream-service-time": "3",
  "content-length": "1024",
});
const answerHead = responseHead(answer, "length", DEFAULT_HTTP1_SETTINGS, true);
const response = Buffer.concat([Buffer.from(answerHead, "latin1"), Buffer.alloc(1024, 97)]);
const body = Buffer.alloc(1024, 97);

const requests = new RequestParser(DEFAULT_HTTP1_SETTINGS);
bench("RequestParser.parse, 11 headers", () => requests.parse(request, 0, request.length));
const responses = new ResponseParser(DEFAULT_HTTP1_SETTINGS);
bench("ResponseParser.parse, 5 headers", () => responses.parse(response, 0, response.length));

const parsed = requestHeaders("GET", "/api/v1/products/42?full=1", FIELDS);
bench("requestHead, 11 headers", () => requestHead(parsed, "none", DEFAULT_HTTP1_SETTINGS));
bench("responseHead, 5 headers", () =>
  responseHead(answer, "length", DEFAULT_HTTP1_SETTINGS, true),
);

const server = new ServerFixture();
bench("Http1ServerConnection: GET in, 1 KB out", () => {
  server.codec.dispatch(request);
  const encoder = server.encoders.pop()!;
  encoder.encodeHeaders(answer, false);
  encoder.encodeData(body, true);
  server.events.length = 0;
  return server.connection.take();
});

const client = new ClientFixture();
const decoder = client.decoder();
bench("Http1ClientConnection: GET out, 1 KB in", () => {
  client.codec.newStream(decoder).encodeHeaders(parsed, true);
  client.codec.dispatch(response);
  client.events.length = 0;
  return client.connection.take();
});

const chunkedHead = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
const chunk = `400\r\n${"a".repeat(1024)}\r\n`;
const chunked = Buffer.from(`${chunkedHead}${chunk.repeat(16)}0\r\n\r\n`, "latin1");
const copy = Buffer.from(chunked);
bench("Http1ServerConnection: 16 chunks of 1 KB in one read", () => {
  // Chunk framing is taken out in place.
  chunked.copy(copy);
  server.codec.dispatch(copy);
  server.encoders.pop()!.encodeHeaders(answer, true);
  server.events.length = 0;
  return server.connection.take();
});
