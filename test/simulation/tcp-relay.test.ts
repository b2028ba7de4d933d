// The TCP side under random order: links, chunk sizes, pauses, half closes, resets and listener
// updates by seed. What arrives is a prefix of what was sent, all of it when nobody reset, and
// nothing is left at the end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tcpProxy } from "../../src/extensions/network-filters/tcp-proxy/tcp-proxy.ts";
import type { Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../kit/listener-fixture.ts";
import { type MemoryPeer, MemoryServer } from "../kit/memory-client.ts";
import { environmentSeed, SeededRandom } from "../kit/seeded-random.ts";
import {
  staticMessage,
  type UpstreamFixture,
  upstreamFixture,
} from "../upstream/upstream-fixture.ts";

const SEEDS = Number(process.env["OUTRIGGER_SIMULATION_SEEDS"] ?? 300);
const TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

const ID_BYTES = 4;

/** One end of a proxied connection: what it sends is its id, then a known pattern. */
class Actor {
  readonly peer: MemoryPeer;
  sentBytes = 0;
  ended = false;
  private readonly id: number;

  constructor(peer: MemoryPeer, id: number) {
    this.peer = peer;
    this.id = id;
  }

  send(length: number): void {
    if (this.ended || this.peer.closed) return;
    this.peer.send(this.expected(this.sentBytes, length));
    this.sentBytes += length;
  }

  end(): void {
    if (!this.peer.closed) this.peer.end();
    this.ended = true;
  }

  reset(): void {
    this.peer.socket.resetAndDestroy();
    this.ended = true;
  }

  /** Bytes `from` … `from + length` of the pattern. */
  expected(from: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) {
      const index = from + at;
      bytes[at] = index < ID_BYTES ? this.id >> (8 * index) : index * 31 + (index >> 9) + this.id;
    }
    return bytes;
  }
}

interface Pairing {
  readonly client: Actor;
  server: Actor | null;
  reset: boolean;
}

function listener(version: number): Listener {
  const tcp = filterMessage(TCP_PROXY, { statPrefix: "p", cluster: "c" });
  const chain = { name: `v${version % 3}`, filters: [tcp] };
  // Some versions differ in the chain only, others in the listener.
  const more = version % 2 === 0 ? {} : { perConnectionBufferLimitBytes: 20_000 + version };
  return listenerMessage(1000, [], { filterChains: [chain], ...more });
}

class Simulation {
  private readonly random: SeededRandom;
  private readonly upstreams: UpstreamFixture;
  private readonly listeners: ListenerFixture;
  private readonly server = new MemoryServer();
  private readonly pairings: Pairing[] = [];
  private readonly known = new Set<MemoryPeer>();
  private version = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.upstreams = upstreamFixture({ seed });
    const type = tcpProxy({
      dispatcher: this.upstreams.dispatcher,
      clusters: this.upstreams.manager,
      compileAccessLog: () => ({}),
      createAccessLogger: () => ({ log: () => undefined }),
    });
    this.listeners = new ListenerFixture({ networkFilters: [type] }, this.upstreams);
    this.upstreams.add(staticMessage([2000]));
  }

  async run(steps: number): Promise<void> {
    const { random, upstreams } = this;
    await this.server.listen(upstreams.network, { ip: "127.0.0.1", port: 2000 });
    await this.listeners.apply(listener(0));
    for (let step = 0; step < steps; step++) {
      await this.act();
      upstreams.time.run(random.below(30));
      this.pairUp();
    }
    await this.finish();
  }

  private async act(): Promise<void> {
    const { random } = this;
    const kind = random.below(20);
    if (kind < 3) {
      this.relink();
      this.connect();
    } else if (kind === 3) {
      await this.listeners.apply(listener(++this.version));
    } else if (this.pairings.length > 0) {
      this.actOn(random.pick(this.pairings), kind);
    }
  }

  private actOn(pairing: Pairing, kind: number): void {
    const { random } = this;
    const actor = random.chance(0.5) ? pairing.client : pairing.server;
    if (actor === null) return;
    const { socket } = actor.peer;
    if (kind < 12) actor.send(1 + random.below(random.chance(0.2) ? 300_000 : 3000));
    else if (kind < 14) socket.pause();
    else if (kind < 17) socket.resume();
    else if (kind < 19) actor.end();
    else {
      actor.reset();
      pairing.reset = true;
    }
  }

  private relink(): void {
    const { random } = this;
    const chunkMax = 1 + random.below(70_000);
    this.upstreams.network.setLink({
      latencyMs: random.below(20),
      chunkBytes: () => 1 + random.below(chunkMax),
      kernelBytes: 2000 + random.below(300_000),
    });
  }

  private connect(): void {
    const client = new Actor(this.listeners.connect(1000), this.pairings.length);
    client.send(ID_BYTES);
    this.pairings.push({ client, server: null, reset: false });
  }

  /** An upstream connection belongs to the client whose id arrives first. */
  private pairUp(): void {
    for (const peer of this.server.peers) {
      if (this.known.has(peer) || peer.receivedBytes < ID_BYTES) continue;
      this.known.add(peer);
      const id = Buffer.from(peer.text.slice(0, ID_BYTES), "latin1").readUInt32LE();
      this.pairings[id]!.server = new Actor(peer, id);
    }
  }

  private async finish(): Promise<void> {
    // Connections that still stand, paired or not, come to their ends.
    for (const { client } of this.pairings) {
      client.peer.socket.resume();
      if (!client.ended) client.end();
    }
    this.upstreams.time.run(5000);
    this.pairUp();
    for (const peer of this.server.peers) peer.socket.resume();
    for (const { server } of this.pairings) if (server?.ended === false) server.end();
    for (const peer of this.server.peers) if (!this.known.has(peer)) peer.socket.end();
    this.upstreams.time.run(20_000);
    for (const pairing of this.pairings) check(pairing);
    this.server.close();
    this.listeners.manager.close();
    this.upstreams.manager.close(() => undefined);
    await this.listeners.close();
  }
}

function check({ client, server, reset }: Pairing): void {
  if (server === null) return;
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const got = Buffer.from(to.peer.text, "latin1");
    assert.ok(got.length <= from.sentBytes, "more arrived than was sent");
    assert.ok(got.equals(from.expected(0, got.length)), "bytes changed on their way");
    if (!reset) assert.equal(got.length, from.sentBytes, "bytes were lost without a reset");
  }
}

describe("TCP relay under random order", () => {
  it(`keeps its promises for ${SEEDS} seeds`, async () => {
    const first = environmentSeed(0);
    const count = process.env["OUTRIGGER_SEED"] === undefined ? SEEDS : 1;
    for (let seed = first; seed < first + count; seed++) {
      try {
        await new Simulation(seed).run(120);
      } catch (error) {
        throw new Error(`failed with OUTRIGGER_SEED=${seed}`, { cause: error });
      }
    }
  });
});
