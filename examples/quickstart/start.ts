// `npm start`: two demo services, the proxy in front of them, a little traffic, and a live table of
// who answered. Options: --seconds N ends by itself, --quiet sends no traffic of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RUNTIME_FLAGS } from "../../src/cli/runtime-flags.ts";
import { startDemoService } from "./demo-service.ts";
import { destinationRows, renderTable } from "./table.ts";

const PROXY = "http://127.0.0.1:10000";
const ADMIN = "http://127.0.0.1:15000";
const CONFIG = fileURLToPath(new URL("envoy.yaml", import.meta.url));
const TRAFFIC_INTERVAL_MS = 100;
const TABLE_INTERVAL_MS = 1000;
const READY_WAIT_MS = 10_000;
/** Ports of the proxy, its admin pages and the two services. */
const PORTS = [10_000, 15_000, 18_081, 18_082];
/** One Ctrl-C may arrive several times: from the terminal, and passed on by npm. */
const SAME_KEY_MS = 500;

const { values: options } = parseArgs({
  options: { seconds: { type: "string" }, quiet: { type: "boolean" } },
});

/** Port by port, what could not be bound. */
async function takenPorts(): Promise<readonly number[]> {
  const checks = PORTS.map(async (port) => {
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    return free ? [] : [port];
  });
  return (await Promise.all(checks)).flat();
}

function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (body += piece));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function startProxy(): ChildProcess {
  const bundle = fileURLToPath(new URL("../../dist/outrigger.js", import.meta.url));
  const source = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const program = existsSync(bundle) ? bundle : source;
  const args = [...RUNTIME_FLAGS, program, "run", "-c", CONFIG, "-l", "warning"];
  // A group of its own: Ctrl-C reaches this process alone, which then tells the proxy, once.
  const stdio = ["ignore", "inherit", "inherit"] as const;
  const proxy = spawn(process.execPath, args, { stdio: [...stdio], detached: true });
  process.on("exit", () => proxy.kill("SIGKILL"));
  return proxy;
}

/** The first signal drains, another key press ends at once. */
function passSignalsTo(proxy: ChildProcess): void {
  let firstMs = 0;
  const stop = (): void => {
    const nowMs = performance.now();
    if (firstMs > 0 && nowMs - firstMs < SAME_KEY_MS) return;
    firstMs ||= nowMs;
    proxy.kill("SIGTERM");
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // Whoever read the output has gone.
  process.stdout.on("error", stop);
}

async function waitUntilReady(): Promise<void> {
  const deadline = Date.now() + READY_WAIT_MS;
  while (Date.now() < deadline) {
    const ready = await get(`${ADMIN}/ready`).catch(() => null);
    if (ready?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The proxy was not ready within ${READY_WAIT_MS / 1000} s`);
}

function introduction(): string {
  return `
Outrigger serves ${PROXY} from examples/quickstart/envoy.yaml (90 % shop-v1, 10 % shop-v2). Try:

  curl ${PROXY}/hello                      who answers? nine times of ten v1
  curl -H 'x-version: v2' ${PROXY}/hello   always v2
  curl '${ADMIN}/stats?filter=upstream_rq'   the counters; ${ADMIN}/help for more
  edit the weights in examples/quickstart/envoy.yaml and save: no restart needed

`;
}

/** Redraws in place on a terminal, prints plain lines elsewhere. */
async function showTable(first: boolean): Promise<void> {
  const answer = await get(`${ADMIN}/stats?format=json&filter=upstream_rq`).catch(() => null);
  if (answer === null) return;
  const { stats } = JSON.parse(answer.body) as { stats: Parameters<typeof destinationRows>[0] };
  const lines = renderTable(destinationRows(stats, ["shop-v1", "shop-v2"]));
  if (process.stdout.isTTY) {
    const up = first ? "" : `\u001b[${lines.length}A`;
    process.stdout.write(up + lines.map((line) => `\u001b[2K${line}\n`).join(""));
  } else {
    const cells = lines.slice(1).map((line) => line.trim().replace(/ {3,}/g, " | "));
    process.stdout.write(`${cells.join("; ")}\n`);
  }
}

async function main(): Promise<void> {
  const taken = await takenPorts();
  if (taken.length > 0) {
    const [word, verb] = taken.length === 1 ? ["Port", "is"] : ["Ports", "are"];
    throw new Error(
      `${word} ${taken.join(", ")} ${verb} taken: stop what listens there, then try again`,
    );
  }
  const services = await Promise.all([
    startDemoService("v1", 18081),
    startDemoService("v2", 18082),
  ]);
  const proxy = startProxy();
  const ended = once(proxy, "exit").then(([code]) => (code as number | null) ?? 1);
  passSignalsTo(proxy);
  const failed = ended.then((code) => {
    if (code !== 0) throw new Error(`The proxy ended with code ${code}`);
  });
  await Promise.race([waitUntilReady(), failed]);
  const timers = proxy.exitCode === null ? await show(proxy) : [];
  process.exitCode = await ended;
  for (const timer of timers) clearInterval(timer);
  for (const service of services) {
    service.close();
    service.closeAllConnections();
  }
}

/** Explains, sends traffic, and shows the table again and again. */
async function show(proxy: ChildProcess): Promise<readonly NodeJS.Timeout[]> {
  process.stdout.write(introduction());
  const traffic = (): void => void get(`${PROXY}/hello`).catch(() => undefined);
  const timers = [setInterval(() => void showTable(false), TABLE_INTERVAL_MS)];
  if (options.quiet !== true) timers.push(setInterval(traffic, TRAFFIC_INTERVAL_MS));
  if (options.seconds !== undefined) {
    setTimeout(() => proxy.kill("SIGTERM"), Number(options.seconds) * 1000).unref();
  }
  await showTable(true);
  return timers;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
