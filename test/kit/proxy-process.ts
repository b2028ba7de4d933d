// Starts a proxy (Outrigger or a peer) as a process of its own on a bootstrap, waits until it is
// ready, keeps its output, and ends it by pid. Also hands out free ports.
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { get, request } from "node:http";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { RUNTIME_FLAGS } from "../../src/cli/runtime-flags.ts";

/** How to start a proxy: the executable and the arguments before `-c FILE`. */
export interface ProxyCommand {
  readonly name: string;
  readonly executable: string;
  readonly args: readonly string[];
}

/** An answer of an admin endpoint. */
export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Outrigger from the source of this clone, with the flags it ships with; OUTRIGGER_SUBJECT names
 * another command (words separated by spaces), for example a packed build.
 */
export function outriggerCommand(): ProxyCommand {
  const [executable, ...args] = (process.env["OUTRIGGER_SUBJECT"] ?? "").split(" ");
  if (executable) return { name: "outrigger", executable, args };
  return {
    name: "outrigger",
    executable: process.execPath,
    args: [...RUNTIME_FLAGS, `${root}src/main.ts`],
  };
}

/** Envoy, found by find-envoy.ts. */
export function envoyCommand(path: string): ProxyCommand {
  return { name: "envoy", executable: path, args: ["--log-level", "error"] };
}

/**
 * Ports below the range that systems take for outgoing connections: one of those could have the
 * port by the time the proxy starts.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/** Two proxies share a port without an error (SO_REUSEPORT): no port is given twice. */
const handedOut = new Set<number>();

/** Ports that were free a moment ago. A start that still collides is tried again by the caller. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  // Ports of long ago may come again: a run that starts thousands of proxies needs them.
  if (handedOut.size > (LAST_PORT - FIRST_PORT) / 2) handedOut.clear();
  while (ports.length < count) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!free) return false;
  server.close();
  await once(server, "close");
  return true;
}

/** Proxies that run: none outlives this process, unless it is killed the hard way. */
const running = new Set<ChildProcess>();
let endsThem = false;

function endWithUs(child: ChildProcess): void {
  running.add(child);
  child.once("exit", () => running.delete(child));
  if (endsThem) return;
  endsThem = true;
  process.once("exit", () => {
    for (const one of running) one.kill("SIGKILL");
  });
  // A default handler would end this process without "exit".
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(1));
  }
}

/** A running proxy. */
export class ProxyProcess {
  readonly name: string;
  readonly adminPort: number;
  readonly #child: ChildProcess;
  #stderr = "";
  #stdout = "";

  private constructor(name: string, adminPort: number, child: ChildProcess) {
    this.name = name;
    this.adminPort = adminPort;
    this.#child = child;
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    child.stdout?.on("data", (bytes: Buffer) => {
      this.#stdout += bytes.toString();
    });
  }

  /** Starts `command -c configFile …extra` and waits for 200 from admin /ready. */
  static async start(
    command: ProxyCommand,
    configFile: string,
    adminPort: number,
    extra: readonly string[] = [],
  ): Promise<ProxyProcess> {
    const args = [...command.args, "-c", configFile, ...extra];
    const child = spawn(command.executable, args, { stdio: ["ignore", "pipe", "pipe"] });
    endWithUs(child);
    const proxy = new ProxyProcess(command.name, adminPort, child);
    child.on("error", (error) => {
      proxy.#stderr += String(error);
    });
    try {
      await proxy.#waitUntilReady(60_000);
    } catch (error) {
      await proxy.stop();
      throw error;
    }
    return proxy;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Asks the admin port. */
  admin(path: string, method: "GET" | "POST" = "GET"): Promise<AdminAnswer> {
    return adminRequest(this.adminPort, path, method);
  }

  /** Ends the process at once (SIGKILL by pid): a test must not wait for a drain. */
  async stop(): Promise<void> {
    if (!this.running || this.#child.pid === undefined) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #waitUntilReady(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      if (!this.running || this.#child.pid === undefined) break;
      const answer = await this.admin("/ready").catch(() => null);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(
      `${this.name} did not become ready.\nstderr:\n${withoutDumps(this.#stderr)}` +
        `\nstdout:\n${this.#stdout.slice(-2000)}`,
    );
  }
}

// Envoy prints the whole configuration around the reason; only the reason is wanted.
function withoutDumps(text: string): string {
  const short = text.replace(/\{"[^\n]{400,}/g, "{…}");
  if (short.length < 40_000) return short;
  const telling = short.split("\n").filter((line) => /^\[|fail|error|invalid|unknown/i.test(line));
  return `${telling.join("\n").slice(-2000)}\n…\n${short.slice(-1000)}`;
}

/**
 * Asks an admin port. One connection per request: a kept-alive one would show in the proxy's own
 * admin counters.
 */
export function adminRequest(
  port: number,
  path: string,
  method: "GET" | "POST",
): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, agent: false as const };
    const outgoing = method === "GET" ? get(options) : request(options);
    outgoing.on("response", (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (bytes: Buffer) => pieces.push(bytes));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"] ?? "",
          body: Buffer.concat(pieces).toString(),
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error(`${path}: no answer in 20 s`)));
    outgoing.end();
  });
}
