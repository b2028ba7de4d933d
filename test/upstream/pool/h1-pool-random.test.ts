// Random traffic, faults and updates against pools, by seed: whatever the order of events, every
// request ends once, limits hold, and nothing is left over.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemberList } from "../../../src/upstream/pool/client-list.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import { environmentSeed, SeededRandom } from "../../kit/seeded-random.ts";
import {
  request,
  staticMessage,
  type TestStream,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../upstream-fixture.ts";

const SEEDS = 150;
const STEPS = 120;
const PORTS = [1000, 1001];
const MAX_CONNECTIONS = 4;
const MAX_REQUESTS = 5;

const ANSWERS = [
  "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200",
  "HTTP/1.1 2",
  "junk",
];

const ENDS = /^(?:failed|reset|no host)|end$/;

class Run {
  readonly random: SeededRandom;
  readonly fixture: UpstreamFixture;
  readonly upstreams: TestUpstream[] = [];
  readonly streams: TestStream[] = [];
  readonly abandoned = new Set<TestStream>();
  private version = 1;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.fixture = upstreamFixture({ seed });
  }

  async start(): Promise<void> {
    for (const port of PORTS) {
      this.upstreams.push(await new TestUpstream().listen(this.fixture.network, port));
    }
    this.configure();
  }

  configure(): void {
    const { random } = this;
    this.version++;
    this.fixture.add(
      staticMessage(PORTS, {
        connectTimeout: { seconds: this.version, nanos: 0 },
        maxRequestsPerConnection: random.pick([1, 2, 100]),
        preconnectPolicy: { perUpstreamPreconnectRatio: random.pick([1, 1, 2]) },
        commonHttpProtocolOptions: {
          idleTimeout: { seconds: random.pick([0, 1]), nanos: 0 },
          maxConnectionDuration: { seconds: random.pick([0, 2]), nanos: 0 },
        },
        circuitBreakers: {
          thresholds: [
            {
              maxConnections: MAX_CONNECTIONS,
              maxPendingRequests: 3,
              maxRequests: MAX_REQUESTS,
            },
          ],
        },
      }),
    );
  }

  async step(): Promise<void> {
    const { random, fixture } = this;
    const upstream = random.pick(this.upstreams);
    const index = random.below(Math.max(1, upstream.sockets.length));
    const socket = upstream.sockets[index];
    switch (random.below(12)) {
      case 0:
        socket?.resetAndDestroy();
        break;
      case 1:
        socket?.end();
        break;
      case 2:
        this.configure();
        break;
      case 3:
        fixture.network.refuse({ ip: "127.0.0.1", port: random.pick(PORTS) });
        break;
      case 4:
        for (const port of PORTS) fixture.network.restore({ ip: "127.0.0.1", port });
        break;
      case 5:
        this.giveUp();
        break;
      case 6:
        await fixture.time.advance(random.below(1500));
        break;
      case 7:
      case 8:
      case 9:
        upstream.answer(index, random.pick(random.chance(0.7) ? ANSWERS.slice(0, 2) : ANSWERS));
        break;
      default:
        this.streams.push(request(fixture.cluster("c")));
    }
    if (random.chance(0.6)) await fixture.time.advance(0);
  }

  /** A client went away: the request waits no longer, or is reset. */
  giveUp(): void {
    const open = this.streams.filter((one) => !this.over(one));
    if (open.length === 0) return;
    const stream = this.random.pick(open);
    this.abandoned.add(stream);
    if (stream.encoder === null) stream.waiting?.cancel();
    else stream.encoder.resetStream("local reset");
  }

  over(stream: TestStream): boolean {
    return this.abandoned.has(stream) || stream.events.some((event) => ENDS.test(event));
  }

  check(): void {
    const { fixture } = this;
    const totals = fixture.manager.describe()[0]!.hosts.map((host) => host.totals!);
    const active = totals.reduce((sum, one) => sum + one.rqActive, 0);
    assert.ok(active <= MAX_REQUESTS, `${active} requests at once`);
    for (const gauge of fixture.liveGauges()) assert.ok(gauge.value >= 0, gauge.name);
    for (const stream of this.streams) {
      const ends = stream.events.filter((event) => ENDS.test(event));
      assert.ok(ends.length <= 1, `ended twice: ${stream.events.join(", ")}`);
    }
  }

  async finish(): Promise<void> {
    const { fixture } = this;
    let closed = false;
    for (const stream of this.streams) {
      if (this.over(stream)) continue;
      if (stream.encoder === null) stream.waiting?.cancel();
      else stream.encoder.resetStream("local reset");
    }
    fixture.manager.close(() => {
      closed = true;
    });
    for (const upstream of this.upstreams) {
      for (const socket of upstream.sockets) socket.resetAndDestroy();
      upstream.close();
    }
    await fixture.time.advance(10);
    assert.ok(closed, "draining did not finish");
    await assertNoLeaks({
      time: fixture.time,
      network: fixture.network,
      dispatchers: [fixture.dispatcher],
      gauges: () => fixture.liveGauges(),
    });
    assert.equal(fixture.services.slots.hosts.slots.used, 0, "host slots");
    assert.equal(fixture.services.slots.limits.slots.used, 0, "limit slots");
  }
}

describe("pools under random events", () => {
  it("end every request once and leave nothing behind", async () => {
    const first = environmentSeed(1);
    for (let seed = first; seed < first + SEEDS; seed++) {
      const run = new Run(seed);
      try {
        await run.start();
        for (let step = 0; step < STEPS; step++) {
          await run.step();
          run.check();
        }
        await run.finish();
      } catch (error) {
        throw new Error(`OUTRIGGER_SEED=${seed}`, { cause: error });
      }
    }
  });
});

describe("MemberList", () => {
  interface Member {
    previous: Member | null;
    next: Member | null;
    readonly name: string;
  }

  function names(list: MemberList<Member>): string {
    let text = "";
    for (let one = list.first; one !== null; one = one.next) text += one.name;
    return text;
  }

  it("keeps its order when members come and go at both ends", () => {
    const list = new MemberList<Member>();
    const [a, b, c, d] = [..."abcd"].map((name) => ({ previous: null, next: null, name }));
    list.addFirst(b!);
    list.addFirst(a!);
    list.addLast(c!);
    list.addLast(d!);
    assert.equal(names(list), "abcd");
    list.remove(b!);
    list.remove(a!);
    list.remove(d!);
    assert.equal(names(list), "c");
    assert.equal(list.last, c);
    list.remove(c!);
    assert.deepEqual([list.first, list.last, list.size], [null, null, 0]);
  });
});
