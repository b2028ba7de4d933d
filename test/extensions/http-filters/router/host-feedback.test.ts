import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HostFeedback } from "../../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../../src/upstream/load-balancer.ts";
import { allTo, HttpProxyFixture } from "../../../kit/http-proxy-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/** Writes down what a policy would learn. */
class Recorder implements HostFeedback {
  readonly lines: string[] = [];
  requestStarted(startMs: number): void {
    this.lines.push(`start ${startMs}`);
  }
  responseReceived(headers: { status: number }, latencyMs: number): void {
    this.lines.push(`head ${headers.status} after ${latencyMs}`);
  }
  trailersReceived(): void {
    this.lines.push("trailers");
  }
  requestEnded(startMs: number, outcome: string): void {
    this.lines.push(`end ${startMs} ${outcome}`);
  }
}

async function learned(play: (proxy: HttpProxyFixture) => Promise<void>): Promise<string[]> {
  const seconds = { seconds: 1, nanos: 0 };
  const proxy = await HttpProxyFixture.start({
    routes: allTo({ timeout: seconds }),
    cluster: { httpProtocolOptions: { enableTrailers: true } },
  });
  const recorder = new Recorder();
  proxy.upstreams.cluster("c").chooseHost(EMPTY_CONTEXT)!.feedback = recorder;
  await play(proxy);
  await proxy.close();
  const start = recorder.lines[0]!.replace("start ", "");
  return recorder.lines.map((line) => line.replace(start, "T"));
}

describe("what the policy learns of a request", () => {
  it("is its latency and that it was answered", async () => {
    const lines = await learned(async (proxy) => {
      await proxy.send(GET);
      await proxy.advance(20);
      await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    });
    assert.deepEqual(lines, ["start T", "head 200 after 20", "end T answered"]);
  });

  it("names trailers", async () => {
    const text =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n";
    const lines = await learned(async (proxy) => {
      await proxy.send(GET);
      await proxy.answer(text);
    });
    assert.deepEqual(lines, ["start T", "head 200 after 0", "trailers", "end T answered"]);
  });

  it("is a failure when the upstream resets or cannot be reached", async () => {
    const lines = await learned(async (proxy) => {
      await proxy.send(GET);
      proxy.server.sockets[0]!.destroy();
      await proxy.settle();
    });
    assert.deepEqual(lines, ["start T", "end T failed"]);
    const refused = await learned(async (proxy) => {
      proxy.server.close();
      await proxy.send(GET);
    });
    assert.deepEqual(refused, ["start T", "end T failed"]);
  });

  it("is no more than elapsed time when the request is given up", async () => {
    const lines = await learned(async (proxy) => {
      await proxy.send(GET);
      await proxy.advance(1100);
    });
    assert.deepEqual(lines, ["start T", "end T cancelled"]);
  });

  it("counts as answered when the client leaves in the middle of the response", async () => {
    const lines = await learned(async (proxy) => {
      const client = await proxy.send(GET);
      await proxy.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh");
      client.socket.destroy();
      await proxy.settle();
    });
    assert.deepEqual(lines, ["start T", "head 200 after 0", "end T answered"]);
  });
});
