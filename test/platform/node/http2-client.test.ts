import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import type {
  Http2Client,
  Http2ClientEvents,
  Http2Request,
} from "../../../src/platform/http2-client.ts";
import { http2Clients } from "../../../src/platform/node/http2-client.ts";

const REQUEST: Http2Request = {
  method: "GET",
  scheme: "http",
  authority: "web",
  path: "/hc",
  headers: [["user-agent", "Envoy/HC"]],
  body: null,
};

/** Writes down what happens, and lets a test wait for it. */
class Recorder implements Http2ClientEvents {
  readonly seen: string[] = [];
  private wake: () => void = () => undefined;

  onHead(status: number, headers: readonly (readonly [string, string])[]): void {
    const names = headers.filter(([name]) => name !== "date").map((pair) => pair.join("="));
    this.add(`head ${[status, ...names].join(" ")}`);
  }

  onData(bytes: Buffer): void {
    this.add(`data ${bytes}`);
  }

  onEnd(): void {
    this.add("end");
  }

  onFailure(): void {
    this.add("failure");
  }

  onNoMoreRequests(): void {
    this.add("no more");
  }

  async until(word: string): Promise<void> {
    while (!this.seen.includes(word)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private add(event: string): void {
    this.seen.push(event);
    this.wake();
  }
}

describe("HTTP/2 clients over http2-wrapper", () => {
  let server: Http2Server;
  let recorder: Recorder;
  let client: Http2Client | null = null;
  let answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  const sessions: ServerHttp2Session[] = [];
  const asked: IncomingHttpHeaders[] = [];

  beforeEach(async () => {
    recorder = new Recorder();
    asked.length = 0;
    sessions.length = 0;
    server = createServer();
    server.on("session", (session) => sessions.push(session));
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      stream.on("error", () => undefined);
      asked.push(headers);
      answer(stream, headers);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  afterEach(async () => {
    client?.close();
    for (const session of sessions) session.destroy();
    server.close();
    await once(server, "close");
  });

  function connect(): Http2Client {
    const { port } = server.address() as AddressInfo;
    client = http2Clients.connect({ address: { ip: "127.0.0.1", port } }, recorder);
    return client;
  }

  it("sends a request and tells the response", async () => {
    answer = (stream) => {
      stream.respond({ ":status": 200, "x-a": "1" });
      stream.end("fine");
    };
    connect().request(REQUEST);
    await recorder.until("end");
    assert.deepEqual(recorder.seen, ["head 200 x-a=1", "data fine", "end"]);
    const {
      ":method": method,
      ":authority": authority,
      ":path": path,
      ":scheme": scheme,
    } = asked[0] as Record<string, string>;
    assert.deepEqual([method, authority, path, scheme], ["GET", "web", "/hc", "http"]);
    assert.equal(asked[0]?.["user-agent"], "Envoy/HC");
  });

  it("sends a body, and headers that come twice", async () => {
    const bodies: string[] = [];
    answer = (stream) => {
      stream.on("data", (bytes: Buffer) => bodies.push(bytes.toString()));
      stream.on("end", () => {
        stream.respond({ ":status": 204 });
        stream.end();
      });
    };
    const headers = [
      ["x-b", "1"],
      ["x-b", "2"],
      ["content-length", "2"],
    ] as const;
    connect().request({ ...REQUEST, method: "POST", headers, body: Buffer.from("hi") });
    await recorder.until("end");
    assert.deepEqual(bodies, ["hi"]);
    assert.equal(asked[0]?.["x-b"], "1, 2");
  });

  it("uses one connection for the next request", async () => {
    answer = (stream) => {
      stream.respond({ ":status": 200 });
      stream.end();
    };
    const one = connect();
    one.request(REQUEST);
    await recorder.until("end");
    recorder.seen.length = 0;
    one.request(REQUEST);
    await recorder.until("end");
    assert.equal(sessions.length, 1);
    assert.equal(asked.length, 2);
  });

  it("tells a reset stream and a refused connection as failures", async () => {
    answer = (stream) => void stream.close(2);
    connect().request(REQUEST);
    await recorder.until("failure");
    assert.deepEqual(recorder.seen, ["failure"]);

    const other = new Recorder();
    const closed = createServer();
    closed.listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const refused = http2Clients.connect({ address: { ip: "127.0.0.1", port } }, other);
    refused.request(REQUEST);
    await other.until("failure");
    refused.close();
  });

  it("lets a response end after a GOAWAY without error", async () => {
    answer = (stream) => {
      stream.session?.goaway(0);
      stream.respond({ ":status": 200 });
      stream.end();
    };
    connect().request(REQUEST);
    await recorder.until("end");
    await recorder.until("no more");
    assert.ok(!recorder.seen.includes("failure"));
  });

  it("says nothing after it was closed", async () => {
    const arrived = Promise.withResolvers<ServerHttp2Stream>();
    answer = (stream) => arrived.resolve(stream);
    const one = connect();
    one.request(REQUEST);
    const stream = await arrived.promise;
    one.close();
    await once(stream, "close");
    assert.deepEqual(recorder.seen, []);
  });
});
