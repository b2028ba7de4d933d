// One simulated world: a whole Server with random configuration, clients, upstreams, faults,
// reloads and a shutdown, on virtual time and a network in memory. All follows from the seed.

import { compileLogFormat } from "../../src/log/log-format.ts";
import { INFO } from "../../src/log/log-level.ts";
import { LoggerRegistry } from "../../src/log/logger.ts";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { DataPlanePlatform } from "../../src/server/data-plane.ts";
import { Server } from "../../src/server/server.ts";
import { drainServer } from "../../src/server/shutdown.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import type { Link } from "../kit/memory-socket.ts";
import { NO_HTTP2 } from "../kit/no-http2.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { MemoryFiles } from "../server/memory-files.ts";
import { dispatchersOf } from "../server/server-fixture.ts";
import { FakeDns } from "../upstream/fake-dns.ts";
import { type ClientServices, SimulatedHttpClient } from "./http-client.ts";
import { SimulatedHttpUpstream } from "./http-upstream.ts";
import { checkAtEnd, checkGauges, checkIdle, checkQuiet } from "./invariants.ts";
import { Ledger } from "./ledger.ts";
import { PlainLoader } from "./plain-loader.ts";
import {
  ConfigGenerator,
  type Generated,
  HTTP_PORTS,
  HTTP_UPSTREAMS,
  ROUTES_FILE,
  TCP_PORT,
  TCP_UPSTREAMS,
} from "./random-config.ts";
import { SimulatedTcpClient, SimulatedTcpUpstream } from "./tcp-peers.ts";
import { SimulatedTunnelClient } from "./tunnel-client.ts";

const BOOTSTRAP = "/bootstrap.json";
/** Clients begin within this time. */
const RUSH_MS = 8000;
/** Every time-out of the generated configurations is shorter than this. */
const SETTLE_MS = 150_000;

export class World {
  readonly seed: number;
  readonly time: SimulatedTime = new SimulatedTime();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly files: MemoryFiles = new MemoryFiles();
  readonly ledger: Ledger;
  readonly server: Server;
  readonly clients: SimulatedHttpClient[] = [];
  readonly tcpClients: (SimulatedTcpClient | SimulatedTunnelClient)[] = [];
  /** Of the data planes; known at the end. */
  dispatchers: readonly Dispatcher[] = [];
  /** As they were before the server closed. */
  readonly counters: Map<string, number> = new Map();
  reloads = 0;
  drained = false;
  private readonly loader = new PlainLoader();
  private readonly configs: ConfigGenerator;
  private readonly services: ClientServices;
  private readonly upstreams: SimulatedHttpUpstream[];
  private readonly tcpUpstreams: SimulatedTcpUpstream[];

  constructor(seed: number, tracing: boolean) {
    this.seed = seed;
    this.random = new SeededRandom(Math.imul(seed, 0x9e3779b1));
    this.ledger = new Ledger(this.time, tracing);
    this.network = new MemoryNetwork(this.time, randomLink(this.random));
    this.configs = new ConfigGenerator(this.random);
    const { time, network, random, ledger } = this;
    this.services = { time, network, random, ledger };
    this.upstreams = HTTP_UPSTREAMS.map((port) => new SimulatedHttpUpstream(port, this.services));
    this.tcpUpstreams = TCP_UPSTREAMS.map((port) => new SimulatedTcpUpstream(port, this.services));
    this.server = new Server(this.platform(), this.loader, this.loggers(), {
      source: { files: [BOOTSTRAP] },
      overrides: { serviceNode: "", serviceCluster: "", serviceZone: "", statsTags: [] },
      dataPlanes: 1 + (seed % 2),
      drainTimeMs: random.pick([500, 3000, 10_000]),
      drainStrategy: random.chance(0.5) ? "gradual" : "immediate",
      logFlushIntervalMs: 1000,
    });
  }

  /** The sampled counters hold everything that happened. */
  get countsEverything(): boolean {
    return this.reloads === 0 && !this.drained;
  }

  /** The whole life. What went wrong is in `ledger.problems`. */
  async live(): Promise<void> {
    for (const upstream of [...this.upstreams, ...this.tcpUpstreams]) await upstream.listen();
    await this.configure(this.configs.next(), () => this.server.start());
    this.scheduleClients();
    this.scheduleFaults();
    await this.reloadAtTimes();
    this.drained = this.random.chance(0.5);
    if (this.drained) await this.settled(this.drain());
    else this.settle();
    await this.end();
    checkQuiet(this);
    checkAtEnd(this);
  }

  private async configure(
    generated: Generated,
    apply: () => Promise<readonly { severity: string; message: string; path: string }[]>,
  ): Promise<void> {
    this.loader.bootstrap = generated.bootstrap;
    this.loader.discoveries.set(ROUTES_FILE, {
      version: "1",
      resources: [{ name: "routes", message: generated.routes }],
    });
    this.ledger.note(
      () => `configuration: ports ${generated.httpPorts.join()}, tcp ${generated.tcp}`,
    );
    const diagnostics = await this.settled(apply());
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    for (const { path, message } of errors)
      this.ledger.problem(`configuration: ${path}: ${message}`);
    if (this.configs.traits.routesFromFile) this.files.move(ROUTES_FILE, "");
  }

  private scheduleClients(): void {
    const { random, time, services } = this;
    const count = 1 + random.below(12);
    for (let index = 0; index < count; index++) {
      const connect = (): void => {
        const port = random.pick(HTTP_PORTS);
        this.clients.push(new SimulatedHttpClient(`client ${index}`, port, services));
      };
      time.after(random.below(RUSH_MS), connect, "client");
    }
    const tunnels = random.chance(0.5) ? random.below(4) : 0;
    for (let index = 0; index < tunnels; index++) {
      const connect = (): void => {
        const port = random.pick(HTTP_PORTS);
        const name = `tunnel client ${index}`;
        this.tcpClients.push(new SimulatedTunnelClient(name, port, services));
      };
      time.after(random.below(RUSH_MS), connect, "tunnel client");
    }
    const tcp = random.below(4);
    for (let index = 0; index < tcp; index++) {
      const connect = (): void => {
        const name = `tcp client ${index}`;
        this.tcpClients.push(new SimulatedTcpClient(name, 900_000 + index, TCP_PORT, services));
      };
      time.after(random.below(RUSH_MS), connect, "tcp client");
    }
  }

  private scheduleFaults(): void {
    const { random, time, network } = this;
    const count = random.below(5);
    for (let index = 0; index < count; index++) {
      const upstream = random.pick(this.upstreams);
      const address = { ip: "127.0.0.1", port: upstream.port };
      const fault = random.below(5);
      const begin = (): void => {
        this.ledger.note(() => `fault ${fault} at ${upstream.port}`);
        if (fault === 0) network.refuse(address);
        else if (fault === 1) network.ignore(address);
        else if (fault === 2) upstream.resets = true;
        else if (fault === 3) upstream.closeConnections();
        else network.setLink(randomLink(random));
      };
      time.after(random.below(RUSH_MS), begin, "fault");
      const end = (): void => {
        network.restore(address);
        upstream.resets = false;
      };
      time.after(random.below(2 * RUSH_MS), end, "fault ends");
    }
  }

  /** Changes the configuration a few times while the clients are there. */
  private async reloadAtTimes(): Promise<void> {
    const { random, time } = this;
    const count = random.below(4);
    for (let index = 0; index < count; index++) {
      time.run(random.below(RUSH_MS / 2));
      if (this.configs.traits.routesFromFile && random.chance(0.5)) await this.changeRoutes();
      else {
        this.reloads++;
        await this.configure(this.configs.next(), async () => {
          return (await this.server.reload()).diagnostics;
        });
      }
    }
    time.run(random.below(RUSH_MS));
  }

  private async changeRoutes(): Promise<void> {
    const message = this.configs.nextRoutes();
    this.ledger.note(() => "new routes");
    this.loader.discoveries.set(ROUTES_FILE, {
      version: "2",
      resources: [{ name: "routes", message }],
    });
    this.files.move(ROUTES_FILE, "");
    await this.time.advance(1);
  }

  private drain(): Promise<void> {
    this.ledger.note(() => "drain");
    const { drainTimeMs } = this.server.options;
    return drainServer(this.server, this.server.planes!.local.dispatcher, { drainTimeMs });
  }

  /** Every time-out passes; then nobody waits any more. */
  private settle(): void {
    this.time.run(SETTLE_MS);
    this.readOn();
    checkQuiet(this);
    checkIdle(this);
  }

  private readOn(): void {
    for (const client of this.clients) client.readOn();
    this.time.run(5000);
  }

  /** After a drain the server ends first, otherwise its peers. */
  private async end(): Promise<void> {
    this.ledger.note(() => "end");
    if (this.drained) {
      await this.closeServer();
      this.readOn();
    }
    for (const client of [...this.clients, ...this.tcpClients]) client.leave();
    await this.time.advance(2000);
    for (const upstream of [...this.upstreams, ...this.tcpUpstreams]) upstream.close();
    await this.time.advance(2000);
    if (!this.drained) await this.closeServer();
    await this.time.advance(1000);
    this.time.run(60_000);
  }

  /** Stats go with the listener that they belong to. */
  private sampleCounters(): void {
    for (const [name, stat] of this.server.statsReader.ofKind("counter")) {
      this.counters.set(name, stat.value());
    }
  }

  private async closeServer(): Promise<void> {
    const memory = { heapUsed: 0, heapTotal: 0, residentSet: 0, external: 0 };
    await this.server.updateServerStats(memory);
    if (!this.drained) checkGauges(this, true);
    this.sampleCounters();
    this.dispatchers = dispatchersOf(this.server);
    await this.settled(this.server.close());
  }

  /** Lets time pass until the promise is done. */
  private async settled<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    for (let ms = 0; !done && ms < SETTLE_MS; ms++) await this.time.advance(1);
    if (!done) throw new Error("a promise is still waiting");
    return promise;
  }

  private platform(): DataPlanePlatform {
    const { time, network, files } = this;
    return {
      time,
      alarm: time.alarm,
      random: new SeededRandom(this.seed),
      defer: (run) => void time.after(0, run, "deferred"),
      onBug: (error) => void time.bugs.push(error),
      sockets: network,
      dns: new FakeDns(time),
      files,
      http2: NO_HTTP2,
      host: {
        hostname: "simulation",
        address: "127.0.0.1",
        variable: () => undefined,
        readFile: () => ({ kind: "failed", code: "ENOENT" }),
        appendProblem: () => null,
        utcOffsetMinutes: () => 0,
      },
    };
  }

  private loggers(): LoggerRegistry {
    const format = compileLogFormat("%l %n: %v", { processId: 1, threadId: 1 });
    if (typeof format === "string") throw new Error(format);
    const sink = (line: string): void => this.ledger.note(() => `log: ${line.trimEnd()}`);
    return new LoggerRegistry(this.time, sink, format, INFO);
  }
}

function randomLink(random: SeededRandom): Link {
  const small = random.chance(0.3);
  const most = random.pick([64, 1500, 65536]);
  return {
    latencyMs: random.pick([0, 0, 1, 20]),
    chunkBytes: random.chance(0.5) ? 65536 : () => 1 + random.below(most),
    kernelBytes: small ? 200 + random.below(4000) : 262144,
  };
}
