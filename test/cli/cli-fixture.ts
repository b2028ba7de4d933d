// The command line without a process: arguments in; exit code, output and a running proxy out, on
// simulated time, a network and files in memory.

import type { CommandContext } from "../../src/cli/command-context.ts";
import { main } from "../../src/cli/program.ts";
import { createLocalConfigLoader } from "../../src/config/local-config-loader.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import { NO_HTTP2 } from "../kit/no-http2.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { bootstrap, httpListener } from "../server/configs.ts";
import { MemoryFiles } from "../server/memory-files.ts";
import { FakeDns } from "../upstream/fake-dns.ts";

export const FILE = "/etc/proxy/envoy.yaml";

/** One listener on port 10000 that answers by itself. */
export const ANSWERING: string = bootstrap({ listeners: [answering("hello")] });

export function answering(body: string): object {
  const route = {
    match: { prefix: "/" },
    direct_response: { status: 200, body: { inline_string: body } },
  };
  const routes = { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] };
  return httpListener({ name: "main", port: 10_000, manager: { route_config: routes } });
}

export class CliFixture {
  readonly time: SimulatedTime = new SimulatedTime();
  readonly network: MemoryNetwork = new MemoryNetwork(this.time);
  readonly files: MemoryFiles = new MemoryFiles();
  readonly written: Map<string, string> = new Map();
  stdout = "";
  stderr = "";
  log = "";
  logPath = "";
  /** Why log files cannot be written. */
  appendProblem: string | null = null;
  benchArgs: readonly string[] | null = null;
  private readonly stopListeners: (() => void)[] = [];
  private readonly reopenListeners: (() => void)[] = [];
  readonly hangUpListeners: (() => void)[] = [];
  readonly errorListeners: ((error: unknown) => void)[] = [];
  reopened = 0;

  /** Runs a command that ends by itself. */
  run(...args: readonly string[]): Promise<number> {
    return this.settled(main(args, this.context()));
  }

  /** Starts a command that serves; waits until it says that it is ready. */
  async serve(...args: readonly string[]): Promise<{ readonly exit: Promise<number> }> {
    const exit = main(args, this.context());
    await this.logged("ready after");
    return { exit };
  }

  /** Waits until the log says something. */
  async logged(text: string): Promise<void> {
    for (let ms = 0; !this.log.includes(text); ms++) {
      if (ms > 20_000) throw new Error(`the log does not say "${text}"\n${this.stderr}${this.log}`);
      await this.time.advance(1);
    }
  }

  async settled<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    for (let ms = 0; !done; ms++) {
      if (ms > 60_000) throw new Error(`still waiting\n${this.stderr}${this.log}`);
      await this.time.advance(1);
    }
    return promise;
  }

  signal(): void {
    for (const listener of this.stopListeners) listener();
  }

  signalReopen(): void {
    for (const listener of this.reopenListeners) listener();
  }

  /** What a GET answers, as text. */
  async get(port: number, path: string): Promise<string> {
    const client = new MemoryClient(this.network, { ip: "127.0.0.1", port });
    client.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    for (let ms = 0; !client.closed && !client.ended && ms < 20_000; ms++) {
      await this.time.advance(1);
    }
    client.socket.destroy();
    return client.text;
  }

  private context(): CommandContext {
    const { time } = this;
    return {
      platform: {
        time,
        alarm: time.alarm,
        random: new SeededRandom(1),
        defer: (run) => void time.after(0, run, "deferred"),
        onBug: (error) => void time.bugs.push(error),
        sockets: this.network,
        dns: new FakeDns(time),
        files: this.files,
        http2: NO_HTTP2,
        host: {
          address: "127.0.0.1",
          hostname: "test",
          variable: () => undefined,
          readFile: () => ({ kind: "failed", code: "ENOENT" }),
          appendProblem: () => this.appendProblem,
          utcOffsetMinutes: () => 0,
        },
      },
      createLoader: () => createLocalConfigLoader(this.files),
      stdout: (text) => {
        this.stdout += text;
      },
      stderr: (text) => {
        this.stderr += text;
      },
      openLogSink: (path) => {
        this.logPath = path;
        return (line) => {
          this.log += line;
        };
      },
      processId: 7,
      runtimeVersion: "v0",
      environment: {},
      onStopSignal: (listener) => void this.stopListeners.push(listener),
      onUncaughtError: (listener) => void this.errorListeners.push(listener),
      onHangUpSignal: (listener) => void this.hangUpListeners.push(listener),
      onReopenSignal: (listener) => void this.reopenListeners.push(listener),
      reopenLogs: () => void this.reopened++,
      flushLogs: () => Promise.resolve(),
      processFacts: {
        memory: () => ({ heapUsed: 1, heapTotal: 1, residentSet: 1, external: 0 }),
        runtimeVersion: "v0",
        commandLineOptions: {},
      },
      trimMemory: () => undefined,
      runBench: (args) => {
        this.benchArgs = args;
        return Promise.resolve(0);
      },
      writeFile: (path, text) => {
        this.written.set(path, text);
        return Promise.resolve();
      },
    };
  }
}
