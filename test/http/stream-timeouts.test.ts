import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allTo, HttpProxyFixture } from "../kit/http-proxy-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const seconds = (n: number): { seconds: number; nanos: number } => ({ seconds: n, nanos: 0 });
const NO_TIMEOUT = { timeout: seconds(0) };

describe("stream_idle_timeout", () => {
  const manager = { streamIdleTimeout: seconds(10) };

  it("answers 408 while the request comes, 504 once it is complete", async () => {
    for (const [text, status] of [
      [POST, "408 Request Timeout"],
      [GET, "504 Gateway Timeout"],
    ] as const) {
      const proxy = await HttpProxyFixture.start({ manager, routes: allTo(NO_TIMEOUT) });
      const client = await proxy.send(text);
      await proxy.advance(10_500);
      assert.ok(client.text.startsWith(`HTTP/1.1 ${status}\r\n`), client.text);
      assert.match(client.text, /\r\n\r\nstream timeout$/);
      assert.deepEqual(proxy.logs, [`${status.slice(0, 3)} stream_idle_timeout SI`]);
      assert.equal(proxy.stat("downstream_rq_idle_timeout"), 1);
      assert.equal(proxy.server.closed, 1);
      await proxy.close();
    }
  });

  it("begins anew with every part of request and response", async () => {
    const proxy = await HttpProxyFixture.start({ manager, routes: allTo(NO_TIMEOUT) });
    const client = await proxy.send(POST);
    for (const part of ["bo", "dy"]) {
      await proxy.advance(9_000);
      client.send(part);
    }
    await proxy.advance(9_000);
    await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
    await proxy.advance(9_000);
    await proxy.answer("done");
    assert.match(client.text, /done$/);
    await proxy.close();
  });

  it("inside the response cuts it", async () => {
    const proxy = await HttpProxyFixture.start({ manager, routes: allTo(NO_TIMEOUT) });
    const client = await proxy.send(GET);
    await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi");
    await proxy.advance(10_500);
    assert.match(client.text, /hi$/);
    assert.equal(client.ended, true);
    assert.deepEqual(proxy.logs, ["200 stream_idle_timeout SI"]);
    await proxy.close();
  });

  it("of a route stands in its place, and zero switches it off", async () => {
    const short = await HttpProxyFixture.start({
      manager,
      routes: allTo({ ...NO_TIMEOUT, idleTimeout: seconds(2) }),
    });
    await short.send(GET);
    await short.advance(2_200);
    assert.deepEqual(short.logs, ["504 stream_idle_timeout SI"]);
    await short.close();
    const off = await HttpProxyFixture.start({
      manager,
      routes: allTo({ ...NO_TIMEOUT, idleTimeout: seconds(0) }),
    });
    const client = await off.send(GET);
    await off.advance(3_000_000);
    await off.answer(OK);
    assert.match(client.text, /hi$/);
    await off.close();
  });

  it("holds for a head that does not come to its end", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send("GET / HTTP/1.1\r\nhos");
    await proxy.advance(10_500);
    assert.match(client.text, /^HTTP\/1\.1 408 [\s\S]*stream timeout$/);
    assert.equal(client.ended, true);
    await proxy.close();
  });
});

describe("request_headers_timeout", () => {
  it("answers 408 to a head that is too slow", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { requestHeadersTimeout: seconds(3) },
    });
    const client = await proxy.send("GET / HTTP/1.1\r\n");
    await proxy.advance(2_000);
    client.send("host: a\r\n");
    await proxy.advance(1_200);
    assert.match(client.text, /^HTTP\/1\.1 408 [\s\S]*request header timeout$/);
    assert.deepEqual(proxy.logs, ["408 request_header_timeout -"]);
    assert.equal(proxy.stat("downstream_rq_header_timeout"), 1);
    await proxy.close();
  });

  it("ends with the head", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { requestHeadersTimeout: seconds(3) },
    });
    const client = await proxy.send(GET.slice(0, 9));
    client.send(GET.slice(9));
    await proxy.advance(10_000);
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });
});

describe("request_timeout", () => {
  const manager = { requestTimeout: seconds(5) };

  it("answers 408 when the request is not complete in time", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(POST);
    await proxy.advance(3_000);
    client.send("b");
    await proxy.advance(2_200);
    assert.match(client.text, /^HTTP\/1\.1 408 [\s\S]*request timeout$/);
    assert.deepEqual(proxy.logs, ["408 request_overall_timeout -"]);
    assert.equal(proxy.stat("downstream_rq_timeout"), 1);
    await proxy.close();
  });

  it("does not concern the answer", async () => {
    const proxy = await HttpProxyFixture.start({ manager });
    const client = await proxy.send(GET);
    await proxy.advance(10_000);
    await proxy.answer(OK);
    assert.match(client.text, /hi$/);
    await proxy.close();
  });
});

describe("max_stream_duration", () => {
  it("of the manager ends the stream, whatever it does", async () => {
    const proxy = await HttpProxyFixture.start({
      manager: { commonHttpProtocolOptions: { maxStreamDuration: seconds(5) } },
      routes: allTo(NO_TIMEOUT),
    });
    const client = await proxy.send(GET);
    await proxy.advance(5_200);
    assert.match(client.text, /^HTTP\/1\.1 504 [\s\S]*downstream duration timeout$/);
    assert.deepEqual(proxy.logs, ["504 max_duration_timeout -"]);
    assert.equal(proxy.stat("downstream_rq_max_duration_reached"), 1);
    await proxy.close();
  });

  it("of the route counts from the beginning of the stream, and zero switches it off", async () => {
    const manager = { commonHttpProtocolOptions: { maxStreamDuration: seconds(5) } };
    const off = await HttpProxyFixture.start({
      manager,
      routes: allTo({ maxStreamDuration: { maxStreamDuration: seconds(0) } }),
    });
    const client = await off.send(GET);
    await off.advance(60_000);
    await off.answer(OK);
    assert.match(client.text, /hi$/);
    await off.close();
    const short = await HttpProxyFixture.start({
      manager,
      routes: allTo({ maxStreamDuration: { maxStreamDuration: seconds(2) } }),
    });
    await short.send(GET);
    await short.advance(2_200);
    assert.deepEqual(short.logs, ["504 max_duration_timeout -"]);
    await short.close();
  });

  it("takes the deadline of a gRPC request, capped, and passes it on", async () => {
    const routes = allTo({
      maxStreamDuration: { grpcTimeoutHeaderMax: seconds(3), grpcTimeoutHeaderOffset: seconds(1) },
    });
    const grpc = (timeout: string): string =>
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n` +
      `grpc-timeout: ${timeout}\r\ncontent-length: 0\r\n\r\n`;
    const proxy = await HttpProxyFixture.start({ routes });
    const client = await proxy.send(grpc("9S"));
    assert.match(proxy.received(), /grpc-timeout: 2000m\r\n/);
    await proxy.advance(2_200);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*grpc-status: 4\r\n/);
    assert.deepEqual(proxy.logs, ["200 max_duration_timeout -"]);
    await proxy.close();
  });
});
