// Starts the processes of a run (proxies, upstreams, generator), pins them to a core, raises their
// descriptor limit and ends every one of them when the run ends, however it ends.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer, connect as netConnect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Core 0 carries the proxy; core 1 carries everything else, so that they cannot disturb it. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

export interface SpawnOptions {
  readonly command: readonly string[];
  /** One core or a list, as taskset takes them. */
  readonly cores: string;
  /** Receives stdout and stderr of the process. */
  readonly logPath: string;
  /** Opens an IPC channel for a Node child. */
  readonly ipc?: boolean;
  readonly stdoutPath?: string;
  /** Skips the shell that raises the descriptor limit, for start-up timing. */
  readonly direct?: boolean;
}

const running = new Set<ChildProcess>();

/** True when processes can be pinned here. */
export const canPin: boolean = findOnPath("taskset") !== null;

/** Finds an executable on PATH. */
export function findOnPath(name: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && existsSync(path)) return path;
  }
  return null;
}

/** Starts a process; its pid is the root of the tree that is measured. */
export function start(options: SpawnOptions): ChildProcess {
  const pinned = canPin
    ? ["taskset", "-c", options.cores, ...options.command]
    : [...options.command];
  const raiseLimit = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';
  const full = options.direct ? pinned : ["sh", "-c", raiseLimit, "sh", ...pinned];
  const log = openSync(options.logPath, "a");
  const out = options.stdoutPath === undefined ? log : openSync(options.stdoutPath, "a");
  const child = spawn(full[0] as string, full.slice(1), {
    stdio: ["ignore", out, log, options.ipc ? "ipc" : "ignore"],
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  closeSync(log);
  if (out !== log) closeSync(out);
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

/** Moves a running process, with all its threads and children, to another core. */
export function movePinned(pids: readonly number[], core: number): void {
  if (!canPin) return;
  for (const pid of pids) {
    execFileSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" });
  }
}

/** Ends a process we started: asks, waits, then insists. */
export async function stop(child: ChildProcess, graceMs = 3000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(force);
}

/** Ends everything that still runs, at once. For exit handlers. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Asks the kernel for ports that are free now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

/**
 * Waits until `probe` answers true; throws with the process's last log lines when it ends first.
 */
export async function waitUntil(
  probe: () => Promise<boolean>,
  child: ChildProcess,
  logPath: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let failure = "";
  child.once("error", (error) => {
    failure = error.message;
  });
  while (!(await probe())) {
    const ended = child.exitCode !== null || child.signalCode !== null || failure !== "";
    if (ended || performance.now() > deadline) {
      const why = ended
        ? `ended early (${failure || (child.exitCode ?? child.signalCode)})`
        : "is not ready";
      throw new Error(`${child.spawnargs.slice(-6).join(" ")} ${why}\n${tail(logPath)}`);
    }
    await sleep(1);
  }
}

/** True when something accepts TCP connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = netConnect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** True when a plain GET there is answered with `status`. */
export function answers(port: number, path: string, status: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = netConnect({ port, host: "127.0.0.1" });
    let text = "";
    const finish = (): void => {
      socket.destroy();
      resolve(text.startsWith(`HTTP/1.1 ${status}`));
    };
    socket.setTimeout(2000, finish);
    socket.once("connect", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench.local\r\nConnection: close\r\n\r\n`);
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.length >= 12) finish();
    });
    socket.once("error", finish);
    socket.once("close", finish);
  });
}

/** The body of an admin page; "" when nobody answers. */
export const adminText = (port: number, path: string): Promise<string> => answerOf(port, path);

/** The body that GET gets there; "" when nobody answers. */
export async function answerOf(port: number, path: string): Promise<string> {
  const url = `http://127.0.0.1:${port}${path}`;
  return fetch(url, { headers: { connection: "close" } }).then(
    (response) => response.text(),
    () => "",
  );
}

function tail(path: string): string {
  try {
    return readFileSync(path, "utf8").split("\n").slice(-15).join("\n");
  } catch {
    return "";
  }
}
