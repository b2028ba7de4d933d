// A whole Server on simulated time, a network in memory and files in memory: with an admin port, a
// client and upstreams that answer with their name.

import assert from "node:assert/strict";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { createLocalConfigLoader } from "../../src/config/local-config-loader.ts";
import { compileLogFormat } from "../../src/log/log-format.ts";
import { INFO } from "../../src/log/log-level.ts";
import { LoggerRegistry } from "../../src/log/logger.ts";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { ListenSocket, Socket, SocketAddress } from "../../src/platform/sockets.ts";
import type { AdminHost } from "../../src/server/admin/admin-host.ts";
import { ADMIN_ENDPOINTS } from "../../src/server/admin/endpoints.ts";
import { startAdmin } from "../../src/server/admin/start-admin.ts";
import { DirectPort } from "../../src/server/direct-port.ts";
import type { ReloadOutcome } from "../../src/server/reload.ts";
import { Server, type ServerOptions } from "../../src/server/server.ts";
import type { PlaneThreads } from "../../src/server/threads/create-threaded-planes.ts";
import { headerValues, type RawMessage, readMessage } from "../kit/http1-message.ts";
import { leaks } from "../kit/leaks.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import { NO_HTTP2 } from "../kit/no-http2.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { FakeDns } from "../upstream/fake-dns.ts";
import { MemoryFiles } from "./memory-files.ts";
import { MemoryPorts, MemoryThreads } from "./threads/memory-threads.ts";

export const BOOTSTRAP = "/etc/proxy/envoy.yaml";
const ADMIN: SocketAddress = { ip: "127.0.0.1", port: 9901 };

/** How the data planes of a server may be arranged. */
export const ARRANGEMENTS: readonly { dataPlanes: number; onThreads: boolean }[] = [
  { dataPlanes: 1, onThreads: false },
  { dataPlanes: 2, onThreads: false },
  { dataPlanes: 2, onThreads: true },
];

/** An answer with its body put together. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  readonly contentType: string;
}

export class ServerFixture {
  readonly time: SimulatedTime = new SimulatedTime();
  readonly network: MemoryNetwork = new MemoryNetwork(this.time);
  readonly files: MemoryFiles = new MemoryFiles();
  readonly dns: FakeDns = new FakeDns(this.time);
  /** Lines of the log. */
  readonly log: string[] = [];
  readonly server: Server;
  readonly host: AdminHost;
  /** Of the last reload. */
  reloadOutcome: ReloadOutcome | null = null;
  quits = 0;
  reopens = 0;
  private admin: ListenSocket | null = null;
  private readonly upstreams: ListenSocket[] = [];

  private constructor(server: (fixture: ServerFixture) => Server) {
    this.server = server(this);
    this.host = {
      server: this.server,
      loggers: this.server.loggers,
      processFacts: {
        memory: () => ({ heapUsed: 1000, heapTotal: 3000, residentSet: 7000, external: 0 }),
        runtimeVersion: "v0",
        commandLineOptions: { log_level: "info" },
      },
      quit: () => void this.quits++,
      reopenLogs: () => void this.reopens++,
    };
  }

  /** The data planes are worker threads in memory. */
  threads: MemoryThreads | null = null;
  readonly ports: MemoryPorts = new MemoryPorts();

  static async create(
    bootstrap: string,
    { onThreads = false, ...options }: Partial<ServerOptions> & { onThreads?: boolean } = {},
  ): Promise<ServerFixture> {
    const files = new MemoryFiles();
    const loader = await createLocalConfigLoader(files);
    const fixture = new ServerFixture((self) => {
      Object.assign(self, { files });
      if (onThreads) self.threads = threadsOf(self);
      return new Server(platformOf(self), loader, loggersOf(self), {
        source: { files: [BOOTSTRAP] },
        overrides: { serviceNode: "", serviceCluster: "", serviceZone: "", statsTags: [] },
        dataPlanes: 1,
        drainTimeMs: 10_000,
        drainStrategy: "gradual",
        logFlushIntervalMs: 1000,
        ...(self.threads === null ? {} : { threads: planeThreads(self, self.threads) }),
        ...options,
      });
    });
    fixture.files.write(BOOTSTRAP, bootstrap);
    return fixture;
  }

  /** Starts, opens the admin port, and fails on an error. */
  async start(): Promise<readonly Diagnostic[]> {
    const diagnostics = await this.settled(this.server.start(() => this.openAdmin()));
    assert.deepEqual(
      diagnostics.filter(({ severity }) => severity === "error"),
      [],
    );
    return diagnostics;
  }

  async openAdmin(): Promise<readonly Diagnostic[]> {
    this.admin = await startAdmin(this.host, "admin", ADMIN, ADMIN_ENDPOINTS);
    return [];
  }

  /** Writes the bootstrap anew and reloads. */
  async reload(bootstrap: string): Promise<readonly Diagnostic[]> {
    this.files.write(BOOTSTRAP, bootstrap);
    const { outcome, diagnostics } = await this.settled(this.server.reload());
    this.reloadOutcome = outcome;
    return diagnostics;
  }

  /** Lets simulated time pass, a millisecond at a time, until the promise is done. */
  async settled<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    for (let ms = 0; !done; ms++) {
      assert.ok(ms < 60_000, "still waiting after a simulated minute");
      await this.time.advance(1);
    }
    return promise;
  }

  /** Waits until something holds. */
  async until(condition: () => boolean, limitMs: number = 20_000): Promise<void> {
    for (let ms = 0; !condition(); ms++) {
      assert.ok(ms < limitMs, `still waiting after ${limitMs} simulated ms`);
      await this.time.advance(1);
    }
  }

  get(path: string): Promise<Answer> {
    return this.request(ADMIN.port, `GET ${path}`);
  }

  post(path: string, body: string = ""): Promise<Answer> {
    const type = "content-type: application/x-www-form-urlencoded\r\n";
    return this.request(ADMIN.port, `POST ${path}`, { headers: type, body });
  }

  async json(path: string): Promise<Record<string, unknown>> {
    const answer = await this.get(path);
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body) as Record<string, unknown>;
  }

  /** One request on a connection of its own. `start` is method and path; host is `test`. */
  async request(
    port: number,
    start: string,
    { headers = "", body = "" }: { headers?: string; body?: string } = {},
  ): Promise<Answer> {
    const client = new MemoryClient(this.network, { ip: "127.0.0.1", port });
    const length = body === "" ? "" : `content-length: ${body.length}\r\n`;
    const host = /^host:/m.test(headers) ? "" : "host: test\r\n";
    client.send(`${start} HTTP/1.1\r\n${host}connection: close\r\n${headers}${length}\r\n${body}`);
    await this.until(() => client.closed || client.ended, 60_000);
    client.socket.destroy();
    await this.time.advance(0);
    const read = readMessage(Buffer.from(client.text, "latin1"), { kind: "response", ended: true });
    assert.ok(read?.message.complete, `no complete answer to ${start}: ${client.text}`);
    return toAnswer(read.message);
  }

  /** A server that answers every request with 200 and the given text, or (null) never. */
  async upstream(port: number, text: string | null): Promise<void> {
    const accept = (socket: Socket): void => answerRequests(socket, text);
    const address = { ip: "127.0.0.1", port };
    this.upstreams.push(await this.network.listen({ address }, accept));
  }

  /** Sum over all data planes of a counter or gauge; null when there is none. */
  stat(name: string): number | null {
    this.threads?.flushStats();
    const found = this.server.statsReader.stats().find((stat) => stat.name === name);
    return found === undefined ? null : found.value();
  }

  /** Ends the server and fails when something is left open. */
  async close(): Promise<void> {
    const hosts = (this.threads?.alive ?? []).flatMap(({ host }) => (host === null ? [] : [host]));
    const threads = hosts.map(({ plane }) => plane.dispatcher);
    const dispatchers = [...dispatchersOf(this.server), ...threads];
    for (const socket of this.upstreams) socket.close();
    this.admin?.close();
    await this.settled(this.server.close());
    await this.time.advance(100);
    const { time, network } = this;
    assert.deepEqual(leaks({ time, network, dispatchers }), []);
    assert.deepEqual(this.files.watched(), [], "a file is still watched");
  }
}

/** Those of all data planes on this thread. */
export function dispatchersOf({ planes }: Server): Dispatcher[] {
  const ports = (planes?.ports ?? []).filter((port) => port instanceof DirectPort);
  const all = [planes?.local, ...ports.map(({ plane }) => plane)];
  return [...new Set(all.flatMap((plane) => (plane === undefined ? [] : [plane.dispatcher])))];
}

function threadsOf(fixture: ServerFixture): MemoryThreads {
  const createLoggers = (): LoggerRegistry => loggersOf(fixture);
  return new MemoryThreads({ time: fixture.time, platform: platformOf(fixture), createLoggers });
}

function planeThreads({ ports }: ServerFixture, threads: MemoryThreads): PlaneThreads {
  const log = { path: "", format: "", processId: 1, turn: new SharedArrayBuffer(4) };
  return { factory: () => threads, ports, log, reclaim: () => undefined };
}

function platformOf(fixture: ServerFixture): ConstructorParameters<typeof Server>[0] {
  const { time, network, dns } = fixture;
  return {
    time,
    alarm: time.alarm,
    random: new SeededRandom(1),
    defer: (run) => void time.after(0, run, "deferred"),
    onBug: (error) => void time.bugs.push(error),
    sockets: network,
    dns,
    files: fixture.files,
    http2: NO_HTTP2,
    host: {
      address: "127.0.0.1",
      hostname: "test",
      variable: () => undefined,
      readFile: () => ({ kind: "failed", code: "ENOENT" }),
      appendProblem: () => null,
      utcOffsetMinutes: () => 0,
    },
  };
}

function loggersOf({ time, log }: ServerFixture): LoggerRegistry {
  const format = compileLogFormat("%l %n: %v", { processId: 1, threadId: 1 });
  assert.ok(typeof format !== "string");
  return new LoggerRegistry(time, (line) => log.push(line.trimEnd()), format, INFO);
}

function toAnswer({ startLine, headers, body }: RawMessage): Answer {
  return {
    status: Number(startLine.split(" ")[1]),
    headers,
    body: Buffer.from(body, "latin1").toString("utf8"),
    contentType: headerValues(headers, "content-type").join(),
  };
}

function answerRequests(socket: Socket, text: string | null): void {
  let received = "";
  socket.events = {
    onConnect: () => undefined,
    onBytes: (buffer, length) => {
      if (text === null) return;
      received += buffer.toString("latin1", 0, length);
      for (;;) {
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) return;
        received = received.slice(end + 4);
        socket.writeText(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      }
    },
    onEnd: () => socket.end(),
    onDrain: () => undefined,
    onClose: () => undefined,
  };
  socket.resume();
}
