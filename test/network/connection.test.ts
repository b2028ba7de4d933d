import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Connection,
  type ConnectionCallbacks,
  type ConnectionOptions,
} from "../../src/network/connection.ts";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { SocketError } from "../../src/platform/sockets.ts";
import { assertNoLeaks } from "../kit/leaks.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import type { Link, MemorySocket } from "../kit/memory-socket.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";

const ADDRESS = { ip: "127.0.0.1", port: 80 };

/** Records what a connection reports. */
class Recorder implements ConnectionCallbacks {
  readonly events: string[] = [];
  text = "";
  error: SocketError | null = null;
  onBytes: (bytes: Buffer) => void = () => undefined;

  onConnected(): void {
    this.events.push("connected");
  }

  onData(bytes: Buffer, endStream: boolean): void {
    this.text += bytes.toString("latin1");
    if (endStream) this.events.push("end");
    this.onBytes(bytes);
  }

  onClose(source: string, error: SocketError | null): void {
    this.events.push(`closed by ${source}`);
    this.error = error;
  }

  onAboveWriteBufferHighWatermark(): void {
    this.events.push("above");
  }

  onBelowWriteBufferLowWatermark(): void {
    this.events.push("below");
  }
}

interface World {
  readonly time: SimulatedTime;
  readonly network: MemoryNetwork;
  readonly dispatcher: Dispatcher;
  readonly recorder: Recorder;
  readonly connection: Connection;
  readonly socket: MemorySocket;
  readonly client: MemoryClient;
  close(): Promise<void>;
}

interface Setup {
  readonly link?: Partial<Link>;
  readonly options?: Partial<ConnectionOptions>;
  readonly paused?: boolean;
}

async function connect({ link = {}, options = {}, paused = false }: Setup = {}): Promise<World> {
  const time = new SimulatedTime();
  const network = new MemoryNetwork(time, link);
  const dispatcher = time.dispatcher();
  const recorder = new Recorder();
  let connection: Connection | null = null;
  const listening = await network.listen({ address: ADDRESS }, (socket) => {
    connection = new Connection(dispatcher, socket, recorder, {
      bufferLimitBytes: 1_048_576,
      halfClose: false,
      ...options,
    });
    connection.start();
  });
  const client = new MemoryClient(network, ADDRESS, { paused });
  await time.until(() => connection !== null && client.connected);
  const made = connection as unknown as Connection;
  return {
    time,
    network,
    dispatcher,
    recorder,
    connection: made,
    socket: made.socket as MemorySocket,
    client,
    close: async () => {
      listening.close();
      client.socket.destroy();
      made.close("no-flush");
      await assertNoLeaks({ time, network, dispatchers: [dispatcher] });
    },
  };
}

describe("Connection: writing", () => {
  it("sends everything written in one event with one system call", async () => {
    const world = await connect();
    let calls = 0;
    const write = world.socket.writeTextAndBytes.bind(world.socket);
    world.socket.writeTextAndBytes = (text, bytes) => {
      calls++;
      return write(text, bytes);
    };
    world.dispatcher.runEvent(() => {
      world.connection.write("HTTP/1.1 200 OK\r\n\r\n");
      world.connection.writeBytes(Buffer.from("small body"));
      assert.equal(calls, 0);
      assert.equal(world.connection.bufferedBytes, 29);
    });
    assert.equal(calls, 1);
    await world.time.advance(0);
    assert.equal(world.client.text, "HTTP/1.1 200 OK\r\n\r\nsmall body");
    assert.equal(world.connection.bytesSent, 29);
    await world.close();
  });

  it("keeps the order of text and large bytes", async () => {
    const world = await connect();
    const body = "b".repeat(50_000);
    world.dispatcher.runEvent(() => {
      world.connection.write("head ");
      world.connection.writeBytes(Buffer.from(body));
      world.connection.write(" tail");
    });
    await world.time.advance(0);
    assert.equal(world.client.text, `head ${body} tail`);
    assert.equal(world.connection.bytesSent, body.length + 10);
    await world.close();
  });

  it("flushes a write from outside of any event soon after", async () => {
    const world = await connect();
    world.connection.write("x");
    await world.time.advance(0);
    assert.equal(world.client.text, "x");
    await world.close();
  });

  it("keeps no reference to borrowed bytes after the event", async () => {
    const world = await connect();
    for (const size of [10, 5000]) {
      const bytes = Buffer.alloc(size, "a");
      world.dispatcher.runEvent(() => world.connection.writeBytes(bytes));
      if (size <= 4096) bytes.fill("z");
    }
    await world.time.advance(0);
    assert.equal(world.client.text, "a".repeat(5010));
    await world.close();
  });
});

describe("Connection: small bodies", () => {
  it("keeps text and several small bodies of one event in order", async () => {
    const world = await connect();
    world.dispatcher.runEvent(() => {
      world.connection.write("5\r\n");
      world.connection.writeBytes(Buffer.from("first"));
      world.connection.write("\r\n6\r\n");
      world.connection.writeBytes(Buffer.from("second"));
      world.connection.write("\r\n0\r\n\r\n");
    });
    await world.time.advance(0);
    assert.equal(world.client.text, "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
    await world.close();
  });

  it("copies a small body that is written outside of any event", async () => {
    const world = await connect();
    const bytes = Buffer.from("outside");
    world.connection.writeBytes(bytes);
    bytes.fill("z");
    await world.time.advance(0);
    assert.equal(world.client.text, "outside");
    await world.close();
  });
});

describe("Connection: watermarks", () => {
  for (const bufferLimitBytes of [0, 1, 40_000, 1_048_576]) {
    it(`announces a slow reader and its recovery with a limit of ${bufferLimitBytes}`, async () => {
      const world = await connect({
        link: { kernelBytes: 10_000 },
        options: { bufferLimitBytes },
        paused: true,
      });
      const { connection, recorder } = world;
      let written = 0;
      while (!recorder.events.includes("above") && written < 2_000_000) {
        connection.writeBytes(Buffer.alloc(5000, "x"));
        written += 5000;
      }
      assert.deepEqual(recorder.events, ["above"]);
      assert.ok(connection.bufferedBytes <= 140_000, "the cap bounds memory per slow reader");
      world.client.socket.resume();
      await world.time.until(() => world.client.receivedBytes === written);
      assert.deepEqual(recorder.events, ["above", "below"]);
      assert.equal(connection.bufferedBytes, 0);
      await world.close();
    });
  }

  it("says nothing below the limit", async () => {
    const world = await connect({ link: { kernelBytes: 10_000 }, paused: true });
    world.connection.writeBytes(Buffer.alloc(100_000));
    world.client.socket.resume();
    await world.time.until(() => world.client.receivedBytes === 100_000);
    assert.deepEqual(world.recorder.events, []);
    await world.close();
  });
});

describe("Connection: reading", () => {
  it("counts nested readDisable calls", async () => {
    const world = await connect();
    world.connection.readDisable(true);
    world.connection.readDisable(true);
    world.client.send("x");
    await world.time.advance(0);
    world.connection.readDisable(false);
    await world.time.advance(0);
    assert.equal(world.recorder.text, "");
    world.connection.readDisable(false);
    await world.time.advance(0);
    assert.equal(world.recorder.text, "x");
    assert.equal(world.connection.bytesReceived, 1);
    await world.close();
  });

  it("delivers prepended input first, and only while reading is enabled", async () => {
    const time = new SimulatedTime();
    const network = new MemoryNetwork(time);
    const dispatcher = time.dispatcher();
    const recorder = new Recorder();
    let connection: Connection | null = null;
    const listening = await network.listen({ address: ADDRESS }, (socket) => {
      dispatcher.runEvent(() => {
        const made = new Connection(dispatcher, socket, recorder, {
          bufferLimitBytes: 0,
          halfClose: true,
        });
        connection = made;
        made.prepend(Buffer.from("peeked "));
        made.readDisable(true);
        made.start();
      });
    });
    const client = new MemoryClient(network, ADDRESS);
    client.send("later");
    client.end();
    await time.advance(0);
    assert.deepEqual([recorder.text, recorder.events], ["", []]);
    const made = connection as unknown as Connection;
    dispatcher.runEvent(() => {
      made.readDisable(false);
      assert.equal(recorder.text, "", "not from inside the call");
    });
    await time.advance(0);
    assert.equal(recorder.text, "peeked later");
    assert.deepEqual(recorder.events, ["end"]);
    assert.equal(made.bytesReceived, 12);
    made.close("no-flush");
    listening.close();
    await assertNoLeaks({ time, network, dispatchers: [dispatcher] });
  });

  it("a throw in a callback closes this connection and is reported", async () => {
    const world = await connect();
    world.recorder.onBytes = () => {
      throw new Error("a bug in a filter");
    };
    world.client.send("x");
    await world.time.advance(0);
    assert.match(String(world.time.bugs[0]), /a bug in a filter/);
    assert.deepEqual(world.recorder.events, ["closed by local"]);
    assert.equal(world.client.ended, true);
    world.time.bugs.length = 0;
    await world.close();
  });
});

describe("Connection: half close", () => {
  it("reports the peer's FIN as end of stream and goes on writing", async () => {
    const world = await connect({ options: { halfClose: true } });
    world.client.send("request");
    world.client.end();
    await world.time.advance(0);
    assert.deepEqual([world.recorder.text, world.recorder.events], ["request", ["end"]]);
    world.connection.write("answer");
    world.connection.end();
    await world.time.advance(0);
    assert.equal(world.client.text, "answer");
    assert.deepEqual(world.recorder.events, ["end", "closed by remote"]);
    assert.equal(world.client.closed, true);
    await world.close();
  });

  it("stays open after both FINs until the last byte has left", async () => {
    const world = await connect({
      link: { kernelBytes: 10_000 },
      options: { halfClose: true },
      paused: true,
    });
    world.client.end();
    await world.time.advance(0);
    world.connection.writeBytes(Buffer.alloc(60_000, "x"));
    world.connection.end();
    await world.time.advance(1000);
    assert.deepEqual(world.recorder.events, ["end"]);
    world.client.socket.resume();
    await world.time.advance(0);
    assert.equal(world.client.receivedBytes, 60_000);
    assert.deepEqual(world.recorder.events, ["end", "closed by remote"]);
    await world.close();
  });

  it("ends with the peer's FIN when half close is off", async () => {
    const world = await connect();
    world.client.end();
    await world.time.advance(0);
    assert.deepEqual(world.recorder.events, ["closed by remote"]);
    assert.equal(world.client.closed, true);
    await world.close();
  });
});

describe("Connection: closing", () => {
  it("flush-write lets pending output leave first", async () => {
    const world = await connect({ link: { kernelBytes: 10_000 }, paused: true });
    world.connection.writeBytes(Buffer.alloc(50_000));
    world.connection.close("flush-write");
    assert.deepEqual(world.recorder.events, []);
    world.client.socket.resume();
    await world.time.advance(0);
    assert.equal(world.client.receivedBytes, 50_000);
    assert.deepEqual(world.recorder.events, ["closed by local"]);
    await world.close();
  });

  it("no-flush and abort-reset close at once; the latter resets", async () => {
    for (const [type, code] of [
      ["no-flush", undefined],
      ["abort-reset", "ECONNRESET"],
    ] as const) {
      const world = await connect();
      world.connection.close(type);
      assert.deepEqual(world.recorder.events, ["closed by local"]);
      await world.time.advance(0);
      assert.equal(world.client.error?.code, code);
      await world.close();
    }
  });

  it("flush-write-and-delay sends FIN and waits for the peer", async () => {
    const world = await connect();
    world.connection.delayedCloseMs = 1000;
    world.connection.write("bye");
    world.connection.close("flush-write-and-delay");
    await world.time.advance(500);
    assert.deepEqual([world.client.text, world.client.ended], ["bye", true]);
    assert.deepEqual(world.recorder.events, []);
    world.client.send("ignored");
    await world.time.advance(0);
    assert.equal(world.recorder.text, "");
    world.client.end();
    await world.time.advance(0);
    assert.deepEqual(world.recorder.events, ["closed by local"]);
    await world.close();
  });

  it("the delayed close gives up on a peer that stays", async () => {
    const world = await connect();
    world.connection.delayedCloseMs = 1000;
    world.connection.close("flush-write-and-delay");
    await world.time.advance(1100);
    assert.deepEqual(world.recorder.events, ["closed by local"]);
    await world.close();
  });

  it("the delayed close gives more time to a peer that still reads", async () => {
    const world = await connect({
      link: { kernelBytes: 5000, chunkBytes: 1000, latencyMs: 50 },
    });
    world.connection.delayedCloseMs = 200;
    world.connection.writeBytes(Buffer.alloc(60_000));
    world.connection.close("flush-write");
    await world.time.advance(5000);
    assert.equal(world.client.receivedBytes, 60_000);
    await world.close();
  });

  it("a peer that does not read is cut off after the delay", async () => {
    const world = await connect({ link: { kernelBytes: 5000 }, paused: true });
    world.connection.delayedCloseMs = 200;
    world.connection.writeBytes(Buffer.alloc(60_000));
    world.connection.close("flush-write");
    await world.time.advance(500);
    assert.deepEqual(world.recorder.events, ["closed by local"]);
    await world.close();
  });

  it("reports a reset as closed by remote with the system's word, once", async () => {
    const world = await connect();
    world.client.socket.resetAndDestroy();
    await world.time.advance(0);
    world.connection.close("no-flush");
    world.connection.close("flush-write");
    assert.deepEqual(world.recorder.events, ["closed by remote"]);
    assert.equal(world.recorder.error?.code, "ECONNRESET");
    await world.close();
  });

  it("ignores writes after close", async () => {
    const world = await connect();
    world.connection.close("no-flush");
    world.connection.write("x");
    world.connection.writeBytes(Buffer.alloc(9999));
    world.connection.end();
    await world.time.advance(0);
    assert.equal(world.client.text, "");
    await world.close();
  });
});
