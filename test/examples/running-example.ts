// One example, running: the command line in this process, on real sockets of the loopback whose
// ports the system chose. The example's files are copied, and their ports replaced, so that
// examples run side by side.

import { once } from "node:events";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CommandContext } from "../../src/cli/command-context.ts";
import { main } from "../../src/cli/program.ts";
import { createLocalConfigLoader } from "../../src/config/local-config-loader.ts";
import type { LogFile } from "../../src/platform/files.ts";
import { NodeDnsResolver } from "../../src/platform/node/dns.ts";
import { NodeFiles } from "../../src/platform/node/files.ts";
import { NodeHostEnvironment } from "../../src/platform/node/host-environment.ts";
import { http2Clients } from "../../src/platform/node/http2-client.ts";
import { SystemRandom } from "../../src/platform/node/random.ts";
import { readWholeFile } from "../../src/platform/node/read-file.ts";
import { NodeSocketFactory } from "../../src/platform/node/socket-factory.ts";
import { systemAlarm, systemTime } from "../../src/platform/node/time.ts";
import { createWorkerThreads } from "../../src/platform/node/worker-threads.ts";
import { NamedService } from "./named-service.ts";

export const EXAMPLES: string = fileURLToPath(new URL("../../examples/", import.meta.url));
const READY_WITHIN_MS = 10_000;

/** Names of all examples. */
export function exampleNames(): string[] {
  return readdirSync(EXAMPLES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Access logs stay in memory, wherever the example sends them. */
class CapturingFiles extends NodeFiles {
  text = "";

  override openLog(): LogFile {
    return {
      append: (text) => {
        this.text += text;
      },
      flush: (done) => done(),
      reopen: () => undefined,
      droppedBytes: 0,
    };
  }
}

/** Flags that an example is about. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  "worker-threads": ["--concurrency", "2"],
};

const WORKER = new URL("../../src/server/threads/data-plane-worker.ts", import.meta.url);

export class RunningExample {
  private readonly name: string;
  private readonly folder: string;
  private readonly services: readonly NamedService[];
  private readonly files = new CapturingFiles();
  private log = "";
  private stderr = "";
  private exit: Promise<number> = Promise.resolve(0);

  private constructor(name: string, folder: string, services: readonly NamedService[]) {
    this.name = name;
    this.folder = folder;
    this.services = services;
  }

  static async start(name: string): Promise<RunningExample> {
    const services = await Promise.all(["v1", "v2", "v3"].map((word) => NamedService.start(word)));
    const folder = mkdtempSync(join(tmpdir(), "outrigger-example-"));
    cpSync(join(EXAMPLES, name), folder, { recursive: true });
    const running = new RunningExample(name, folder, services);
    for (const file of readdirSync(folder).filter((one) => one.endsWith(".yaml"))) {
      const text = readFileSync(join(folder, file), "utf8");
      const adapted = running.adapt(text.replaceAll(`examples/${name}/`, `${folder}/`));
      writeFileSync(join(folder, file), file === "envoy.yaml" ? withAdmin(adapted) : adapted);
    }
    try {
      await running.run();
    } catch (error) {
      running.cleanUp();
      throw error;
    }
    return running;
  }

  /** What went to access logs so far. */
  get accessLog(): string {
    return this.files.text;
  }

  /** The port of a listener; of the first one when no name is given. */
  port(name?: string): number {
    const line = new RegExp(`listener ${name ?? "[^:]+"}: (?:\\[[^\\]]*\\]|[0-9.]+):([0-9]+)`);
    const port = line.exec(this.log)?.[1];
    if (port === undefined) throw new Error(`no listener ${name ?? ""} in\n${this.log}`);
    return Number(port);
  }

  /** Asks for an admin page, on a connection of its own. */
  async admin(method: string, path: string): Promise<{ status: number; body: string }> {
    const url = /admin: (http:\S+)/.exec(this.log)?.[1];
    if (url === undefined) throw new Error(`no admin port in\n${this.log}`);
    const outgoing = request(`${url}${path}`, { method, agent: false }).end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let body = "";
    for await (const piece of response) body += String(piece);
    return { status: response.statusCode ?? 0, body };
  }

  /** Changes a file as a control plane would: a new one is moved into its place. */
  edit(file: string, replace: string, by: string): void {
    const path = join(this.folder, file);
    const before = readFileSync(path, "utf8");
    if (!before.includes(replace)) throw new Error(`${file} does not say ${replace}`);
    writeFileSync(`${path}.new`, before.replaceAll(replace, by));
    renameSync(`${path}.new`, path);
  }

  async stop(): Promise<void> {
    await this.admin("POST", "/quitquitquit");
    await this.exit;
    this.cleanUp();
  }

  private cleanUp(): void {
    for (const service of this.services) service.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ports of the proxy become 0; ports of the services those of ours. */
  private adapt(text: string): string {
    return text.replaceAll(
      /(port_value: |port_override: |localhost:)(\d+)/g,
      (all, before, port) => {
        const service = this.services[Number(port) - 18081];
        if (service !== undefined) return `${before}${service.port}`;
        return /^1[05]\d{3}$/.test(port) ? `${before}0` : all;
      },
    );
  }

  private async run(): Promise<void> {
    const flags = FLAGS[this.name] ?? [];
    this.exit = main(["-c", join(this.folder, "envoy.yaml"), ...flags], this.context());
    const deadline = AbortSignal.timeout(READY_WITHIN_MS);
    const ended = this.exit.then((code) => {
      throw new Error(`ended with ${code}\n${this.stderr}${this.log}`);
    });
    ended.catch(() => undefined);
    await Promise.race([this.ready.promise, ended, once(deadline, "abort")]);
    if (!this.log.includes("ready after")) throw new Error(`not ready\n${this.stderr}${this.log}`);
  }

  private readonly ready = Promise.withResolvers<void>();

  private context(): CommandContext {
    return {
      platform: {
        time: systemTime,
        alarm: systemAlarm,
        random: new SystemRandom(),
        defer: queueMicrotask,
        onBug: (error) => {
          throw error;
        },
        sockets: new NodeSocketFactory(),
        dns: new NodeDnsResolver(),
        files: this.files,
        http2: http2Clients,
        host: new NodeHostEnvironment(),
      },
      threads: createWorkerThreads(WORKER, []),
      createLoader: () => createLocalConfigLoader({ read: readWholeFile }),
      stdout: () => undefined,
      stderr: (text) => {
        this.stderr += text;
      },
      openLogSink: () => (line) => {
        this.log += line;
        if (line.includes("ready after")) this.ready.resolve();
      },
      processId: process.pid,
      runtimeVersion: process.version,
      environment: {},
      onStopSignal: () => undefined,
      onHangUpSignal: () => undefined,
      onReopenSignal: () => undefined,
      onUncaughtError: () => undefined,
      reopenLogs: () => undefined,
      flushLogs: () => Promise.resolve(),
      processFacts: {
        memory: () => ({ heapUsed: 1, heapTotal: 1, residentSet: 1, external: 0 }),
        runtimeVersion: process.version,
        commandLineOptions: {},
      },
      trimMemory: () => undefined,
      runBench: () => Promise.resolve(1),
      writeFile: () => Promise.resolve(),
    };
  }
}

/** The tests look at admin pages, and end the proxy through one. */
function withAdmin(text: string): string {
  if (/^admin:/m.test(text)) return text;
  const address = "{ socket_address: { address: 127.0.0.1, port_value: 0 } }";
  return `${text}\nadmin: { address: ${address} }\n`;
}
