// The codec interfaces with several streams on one connection, by a codec made only for this.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CodecFixture, type CodecPairFactory, codecContract, head } from "../contract/codec.ts";
import { FrameClientConnection, FrameServerConnection, WINDOW } from "./frame-codec.ts";

/** Delivers in order, one piece after the other, as an event loop does. */
class Wire {
  private readonly queue: (() => void)[] = [];
  private delivering = false;

  to(dispatch: (bytes: Buffer) => void): (bytes: Buffer) => void {
    return (bytes) => {
      this.queue.push(() => dispatch(bytes));
      this.deliver();
    };
  }

  private deliver(): void {
    if (this.delivering) return;
    this.delivering = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) next();
    this.delivering = false;
  }
}

const frames: CodecPairFactory = (serverCallbacks, clientCallbacks) => {
  const wire = new Wire();
  const server: FrameServerConnection = new FrameServerConnection(
    serverCallbacks,
    wire.to((bytes) => client.dispatch(bytes)),
  );
  const client: FrameClientConnection = new FrameClientConnection(
    clientCallbacks,
    wire.to((bytes) => server.dispatch(bytes)),
  );
  const close = (): void => {
    server.onConnectionClose();
    client.onConnectionClose("connection termination");
  };
  return { client, server, close };
};

describe("a multiplexed codec", () => codecContract(frames));

describe("streams of one connection", () => {
  it("run side by side, and end in any order", () => {
    const codec = new CodecFixture(frames);
    const first = codec.request("POST", "/1", false);
    codec.request("GET", "/2", true);
    codec.encoders[1]!.encodeHeaders(head(200), true);
    first.encodeData(Buffer.from("x"), true);
    codec.encoders[0]!.encodeHeaders(head(201), true);
    assert.deepEqual(codec.take(), [
      "server 0: POST /1",
      "server 1: GET /2 end",
      "client 1: 200 end",
      "client: free",
      'server 0: "x" end',
      "client 0: 201 end",
      "client: free",
    ]);
  });

  it("are reset one by one, from either side", () => {
    const codec = new CodecFixture(frames);
    const first = codec.request("GET", "/1", true);
    codec.request("GET", "/2", true);
    codec.request("GET", "/3", true);
    codec.take();
    first.resetStream("local reset");
    assert.deepEqual(codec.take(), ["client: free", "server 0: reset: remote reset"]);
    codec.encoders[1]!.resetStream("local reset");
    assert.deepEqual(codec.take(), ["client: free", "client 1: reset: remote reset"]);
    codec.encoders[2]!.encodeHeaders(head(204), true);
    assert.deepEqual(codec.take(), ["client 2: 204 end", "client: free"]);
  });

  it("have flow control of their own: a slow reader of one does not stop the other", () => {
    const codec = new CodecFixture(frames);
    const slow = codec.request("GET", "/slow", true);
    codec.request("GET", "/fast", true);
    slow.readDisable(true);
    for (const encoder of codec.encoders) encoder.encodeHeaders(head(200), false);
    codec.take();
    codec.encoders[0]!.encodeData(Buffer.alloc(WINDOW + 1, "s"), true);
    assert.deepEqual(codec.take(), [`client 0: "${"s".repeat(WINDOW)}"`, "server 0: above"]);
    codec.encoders[1]!.encodeData(Buffer.alloc(WINDOW, "f"), true);
    assert.deepEqual(codec.take(), [`client 1: "${"f".repeat(WINDOW)}" end`, "client: free"]);
    slow.readDisable(false);
    assert.deepEqual(codec.take().sort(), ['client 0: "s" end', "client: free", "server 0: below"]);
  });

  it("finish while the connection drains, and new ones are refused only at its end", () => {
    const codec = new CodecFixture(frames);
    codec.request("GET", "/1", true);
    codec.pair.server.startDrain();
    codec.request("GET", "/2", true);
    assert.deepEqual(codec.take(), [
      "server 0: GET /1 end",
      "client: no more streams",
      "server 1: GET /2 end",
    ]);
    codec.pair.server.endDrain();
    codec.request("GET", "/3", true);
    for (const encoder of codec.encoders) encoder.encodeHeaders(head(204), true);
    assert.deepEqual(
      codec.take().filter((event) => event !== "client: free"),
      [
        "client: no more streams",
        "client 2: reset: remote reset",
        "client 0: 204 end",
        "client 1: 204 end",
      ],
    );
  });

  it("hear of the connection's back-pressure, all of them", () => {
    const codec = new CodecFixture(frames);
    codec.request("GET", "/1", true);
    codec.request("GET", "/2", true);
    codec.take();
    codec.pair.server.onAboveWriteBufferHighWatermark();
    codec.pair.server.onBelowWriteBufferLowWatermark();
    assert.deepEqual(codec.take(), [
      "server 0: above",
      "server 1: above",
      "server 0: below",
      "server 1: below",
    ]);
  });

  it("are all told when the connection ends", () => {
    const codec = new CodecFixture(frames);
    codec.request("GET", "/1", true);
    codec.request("GET", "/2", true);
    codec.take();
    codec.pair.close();
    assert.equal(
      codec.take().filter((event) => event.includes("connection termination")).length,
      4,
    );
  });
});
