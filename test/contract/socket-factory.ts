// What every SocketFactory promises. Run against the real one and the one in memory.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  ListenSocket,
  Socket,
  SocketAddress,
  SocketError,
  SocketEvents,
  SocketFactory,
} from "../../src/platform/sockets.ts";

/** One implementation, with a way to let things happen. */
export interface SocketFactoryHarness {
  readonly factory: SocketFactory;
  /** Lets events happen until the condition holds; fails after a while. */
  until(condition: () => boolean): Promise<void>;
  /** Lets everything happen that is under way. */
  settle(): Promise<void>;
}

/** Records the events of one socket. */
class Recorder implements SocketEvents {
  socket: Socket | null = null;
  connected = 0;
  ends = 0;
  drains = 0;
  closes = 0;
  error: SocketError | null = null;
  bytes = 0;
  inCall = false;
  readonly order: string[] = [];
  /** Given every chunk; the view is only valid during the call. */
  onChunk: (view: Buffer, recorder: Recorder) => void = () => undefined;
  private readonly chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  onConnect(): void {
    this.connected++;
    this.order.push("connect");
  }

  onBytes(buffer: Buffer, length: number): void {
    assert.equal(this.inCall, false, "onBytes from inside a socket call");
    this.bytes += length;
    if (this.order.at(-1) !== "bytes") this.order.push("bytes");
    const view = buffer.subarray(0, length);
    if (this.bytes < 1_000_000) this.chunks.push(Buffer.from(view));
    this.onChunk(view, this);
  }

  onEnd(): void {
    this.ends++;
    this.order.push("end");
  }

  onDrain(): void {
    assert.equal(this.inCall, false, "onDrain from inside a socket call");
    this.drains++;
  }

  onClose(error: SocketError | null): void {
    assert.equal(this.inCall, false, "onClose from inside a socket call");
    this.closes++;
    this.error = error;
    this.order.push("close");
  }

  /** Runs a socket call and fails on events from inside it. */
  call(run: (socket: Socket) => void): void {
    this.inCall = true;
    run(this.socket!);
    this.inCall = false;
  }
}

interface Pair {
  readonly listening: ListenSocket;
  readonly client: Recorder;
  readonly server: Recorder;
}

const ANY_PORT: SocketAddress = { ip: "127.0.0.1", port: 0 };

async function connectPair(harness: SocketFactoryHarness, pausedServer = false): Promise<Pair> {
  const server = new Recorder();
  const client = new Recorder();
  const listening = await harness.factory.listen({ address: ANY_PORT }, (socket) => {
    socket.events = server;
    server.socket = socket;
    if (!pausedServer) socket.resume();
  });
  client.socket = harness.factory.connect({ address: listening.address }, client);
  await harness.until(() => client.connected === 1 && server.socket !== null);
  return { listening, client, server };
}

async function closePair(harness: SocketFactoryHarness, pair: Pair): Promise<void> {
  pair.client.socket?.destroy();
  pair.server.socket?.destroy();
  pair.listening.close();
  await harness.until(() => pair.client.closes === 1 && pair.server.closes === 1);
}

function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}

/** Declares the suite. `create` makes a harness per test. */
export function describeSocketFactory(name: string, create: () => SocketFactoryHarness): void {
  describe(`SocketFactory: ${name}`, () => {
    describeConnections(create);
    describeReading(create);
    describeWriting(create);
    describeEndings(create);
  });
}

function describeConnections(create: () => SocketFactoryHarness): void {
  it("binds port 0 to a real port and connects to it", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    const { client, server, listening } = pair;
    assert.ok(listening.address.port > 0);
    assert.deepEqual(server.socket?.localSocketAddress(), listening.address);
    assert.deepEqual(client.socket?.remoteSocketAddress(), listening.address);
    assert.deepEqual(
      server.socket?.remoteSocketAddress(),
      client.socket?.localSocketAddress(),
      "both ends agree on the client's address",
    );
    await closePair(harness, pair);
  });

  it("rejects an address that is in use with EADDRINUSE", async () => {
    const harness = create();
    const first = await harness.factory.listen({ address: ANY_PORT }, () => undefined);
    const { address } = first;
    const again = harness.factory.listen({ address }, () => undefined);
    await assert.rejects(again, { code: "EADDRINUSE" });
    first.close();
    const second = await harness.factory.listen({ address }, () => undefined);
    second.close();
  });

  it("reports a refused connection as onClose with ECONNREFUSED, without onConnect", async () => {
    const harness = create();
    const listening = await harness.factory.listen({ address: ANY_PORT }, () => undefined);
    listening.close();
    const client = new Recorder();
    client.socket = harness.factory.connect({ address: listening.address }, client);
    await harness.until(() => client.closes === 1);
    assert.equal(client.error?.code, "ECONNREFUSED");
    assert.equal(client.connected, 0);
  });

  it("sends what was written before the connection stood", async () => {
    const harness = create();
    const server = new Recorder();
    const listening = await harness.factory.listen({ address: ANY_PORT }, (socket) => {
      socket.events = server;
      server.socket = socket;
      socket.resume();
    });
    const client = new Recorder();
    client.socket = harness.factory.connect({ address: listening.address }, client);
    client.socket.writeText("early");
    await harness.until(() => server.text === "early");
    await closePair(harness, { listening, client, server });
  });

  it("binds the source address that was asked for", async () => {
    const harness = create();
    const server = new Recorder();
    const listening = await harness.factory.listen({ address: ANY_PORT }, (socket) => {
      socket.events = server;
      server.socket = socket;
    });
    const client = new Recorder();
    const localAddress = { ip: "127.0.0.9", port: 0 };
    client.socket = harness.factory.connect({ address: listening.address, localAddress }, client);
    await harness.until(() => server.socket !== null);
    assert.equal(server.socket?.remoteSocketAddress().ip, "127.0.0.9");
    await closePair(harness, { listening, client, server });
  });

  it("keeps accepted sockets open when the listening socket closes", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.listening.close();
    pair.client.socket?.writeText("still here");
    await harness.until(() => pair.server.text === "still here");
    await closePair(harness, pair);
  });
}

function describeReading(create: () => SocketFactoryHarness): void {
  it("reads nothing from an accepted socket before resume", async () => {
    const harness = create();
    const pair = await connectPair(harness, true);
    pair.client.socket?.writeText("hello");
    await harness.settle();
    assert.equal(pair.server.bytes, 0);
    pair.server.socket?.resume();
    await harness.until(() => pair.server.text === "hello");
    await closePair(harness, pair);
  });

  it("stops reading between pause and resume, also when paused inside onBytes", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.server.onChunk = (_view, server) => server.socket?.pause();
    pair.client.socket?.writeText("one");
    await harness.until(() => pair.server.text === "one");
    pair.client.socket?.writeText("two");
    await harness.settle();
    assert.equal(pair.server.text, "one");
    pair.server.socket?.resume();
    await harness.until(() => pair.server.text === "onetwo");
    await closePair(harness, pair);
  });

  it("delivers large data unchanged and in order", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    const sent = patterned(900_000);
    pair.client.socket?.writeBytes(sent);
    await harness.until(() => pair.server.bytes === sent.length);
    assert.ok(Buffer.from(pair.server.text, "latin1").equals(sent));
    await closePair(harness, pair);
  });

  it("holds the writer back while the reader is paused", async () => {
    const harness = create();
    const pair = await connectPair(harness, true);
    const { client } = pair;
    const chunk = patterned(262_144);
    let written = 0;
    while (written < 64 * chunk.length && client.socket!.writeBytes(chunk)) written += chunk.length;
    await harness.settle();
    while (written < 64 * chunk.length && client.socket!.writableLength === 0) {
      client.socket?.writeBytes(chunk);
      written += chunk.length;
      await harness.settle();
    }
    assert.ok(client.socket!.writableLength > 0, "16 MB did not fill the kernel");
    const { drains } = client;
    pair.server.socket?.resume();
    await harness.until(() => client.drains > drains);
    assert.equal(client.socket?.writableLength, 0);
    await closePair(harness, pair);
  });
}

function describeWriting(create: () => SocketFactoryHarness): void {
  it("relays borrowed read buffers unchanged, whatever their size", async () => {
    const harness = create();
    const inbound = await connectPair(harness);
    const outbound = await connectPair(harness, true);
    // As tcp_proxy does: what is read goes out as the borrowed view; a full kernel stops reading.
    inbound.server.onChunk = (view) => {
      if (!outbound.client.socket!.writeBytes(view)) inbound.server.socket?.pause();
    };
    const sent = patterned(990_000);
    const onDrain = outbound.client.onDrain.bind(outbound.client);
    outbound.client.onDrain = () => {
      onDrain();
      inbound.server.socket?.resume();
    };
    inbound.client.socket?.writeBytes(sent);
    await harness.settle();
    outbound.server.socket?.resume();
    await harness.until(() => outbound.server.bytes === sent.length);
    assert.ok(Buffer.from(outbound.server.text, "latin1").equals(sent));
    await closePair(harness, inbound);
    await closePair(harness, outbound);
  });

  it("copies one borrowed view for two receivers that are both full", async () => {
    const harness = create();
    const source = await connectPair(harness);
    const left = await connectPair(harness, true);
    const right = await connectPair(harness, true);
    source.server.onChunk = (view) => {
      left.client.socket?.writeBytes(view);
      right.client.socket?.writeBytes(view);
    };
    const sent = patterned(990_000);
    for (let round = 0; round < 8; round++) source.client.socket?.writeBytes(sent);
    await harness.until(() => source.server.bytes === 8 * sent.length);
    left.server.socket?.resume();
    right.server.socket?.resume();
    await harness.until(
      () => left.server.bytes === 8 * sent.length && right.server.bytes === 8 * sent.length,
    );
    for (const { server } of [left, right]) {
      const got = Buffer.from(server.text, "latin1");
      assert.ok(got.equals(Buffer.concat([sent, sent]).subarray(0, got.length)));
    }
    for (const pair of [source, left, right]) await closePair(harness, pair);
  });

  it("collects what is written between cork and uncork, text and bytes in order", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.call((socket) => {
      socket.cork();
      socket.writeText("head \u00e9 ");
      socket.writeBytes(Buffer.from("body"));
    });
    assert.equal(pair.client.socket?.writableLength, 11);
    pair.client.call((socket) => socket.uncork());
    await harness.until(() => pair.server.text === "head \u00e9 body");
    await closePair(harness, pair);
  });

  it("accepts and ignores writes after destroy", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.call((socket) => {
      socket.destroy();
      socket.writeText("lost");
      socket.writeBytes(Buffer.from("lost"));
    });
    await closePair(harness, pair);
    assert.equal(pair.client.error, null);
  });
}

function describeEndings(create: () => SocketFactoryHarness): void {
  it("keeps the other direction open after end, and closes once both have ended", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.socket?.writeText("request");
    pair.client.call((socket) => socket.end());
    await harness.until(() => pair.server.ends === 1);
    assert.equal(pair.server.closes, 0);
    pair.server.socket?.writeText("answer");
    pair.server.socket?.end();
    await harness.until(() => pair.client.closes === 1 && pair.server.closes === 1);
    assert.deepEqual(pair.client.order, ["connect", "bytes", "end", "close"]);
    assert.deepEqual(pair.server.order, ["bytes", "end", "close"]);
    assert.equal(pair.client.text, "answer");
    assert.equal(pair.client.error, null);
    await closePair(harness, pair);
  });

  it("delivers everything written before end, then the end", async () => {
    const harness = create();
    const pair = await connectPair(harness, true);
    const sent = patterned(800_000);
    pair.client.socket?.writeBytes(sent);
    pair.client.socket?.end();
    await harness.settle();
    pair.server.socket?.resume();
    await harness.until(() => pair.server.ends === 1);
    assert.equal(pair.server.bytes, sent.length);
    await closePair(harness, pair);
  });

  it("destroySoon lets pending data leave first", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.socket?.writeBytes(patterned(800_000));
    pair.client.call((socket) => socket.destroySoon());
    await harness.until(() => pair.server.ends === 1 && pair.client.closes === 1);
    assert.equal(pair.server.bytes, 800_000);
    await closePair(harness, pair);
  });

  it("a reset reaches the peer as onClose with ECONNRESET", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.call((socket) => socket.resetAndDestroy());
    await harness.until(() => pair.server.closes === 1 && pair.client.closes === 1);
    assert.equal(pair.server.error?.code, "ECONNRESET");
    assert.equal(pair.client.error, null);
    assert.equal(pair.server.ends, 0);
    await closePair(harness, pair);
  });

  it("a paused reader learns of a reset when it writes", async () => {
    const harness = create();
    const pair = await connectPair(harness, true);
    pair.client.socket?.resetAndDestroy();
    await harness.until(() => pair.client.closes === 1);
    await harness.settle();
    assert.equal(pair.server.closes, 0);
    pair.server.socket?.writeText("x");
    await harness.until(() => pair.server.closes === 1);
    assert.ok(["ECONNRESET", "EPIPE"].includes(pair.server.error?.code ?? ""));
    await closePair(harness, pair);
  });

  it("closes exactly once and last, whatever is called", async () => {
    const harness = create();
    const pair = await connectPair(harness);
    pair.client.socket?.writeText("x");
    await harness.until(() => pair.server.bytes === 1);
    pair.server.call((socket) => {
      socket.end();
      socket.destroySoon();
      socket.destroy();
      socket.destroy();
      socket.resetAndDestroy();
    });
    await closePair(harness, pair);
    await harness.settle();
    assert.equal(pair.server.closes, 1);
    assert.equal(pair.server.order.at(-1), "close");
  });

  it("destroying a socket that is still connecting closes it without onConnect", async () => {
    const harness = create();
    const listening = await harness.factory.listen({ address: ANY_PORT }, (socket) => {
      socket.events = new Recorder();
      socket.resume();
    });
    const client = new Recorder();
    client.socket = harness.factory.connect({ address: listening.address }, client);
    client.call((socket) => socket.destroy());
    await harness.until(() => client.closes === 1);
    await harness.settle();
    assert.deepEqual(client.order, ["close"]);
    listening.close();
  });
}
