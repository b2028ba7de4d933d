// `npm start`: two demo services, the proxy in front of them, a little traffic, and a live table of who answered.
// Options: --seconds N ends by itself, --quiet sends no traffic of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { RUNTIME_FLAGS } from "../../src/cli/runtime-flags.ts";
import { startDemoService } from "./demo-service.ts";
import { destinationRows, renderTable } from "./table.ts";

const PROXY = "http://127.0.0.1:10000";
const ADMIN = "http://127.0.0.1:15000";
const CONFIG = fileURLToPath(new URL("envoy.yaml", import.meta.url));
const TRAFFIC_INTERVAL_MS = 100;
const TABLE_INTERVAL_MS = 1000;
const READY_WAIT_MS = 10_000;

const { values: options } = parseArgs({ options: { seconds: { type: "string" }, quiet: { type: "boolean" } } });

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
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
}

async function waitUntilReady(): Promise<void> {
  const deadline = Date.now() + READY_WAIT_MS;
  while (Date.now() < deadline) {
    const ready = await get(`${ADMIN}/ready`).catch(() => null);
    if (ready?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The proxy was not ready within ${READY_WAIT_MS / 1000} s; is port 10000 or 15000 taken?`);
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
    process.stdout.write(`${first ? "" : `\u001b[${lines.length}A`}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
  } else {
    process.stdout.write(`${lines.slice(1).map((line) => line.trim().replace(/ {3,}/g, " | ")).join("; ")}\n`);
  }
}

async function main(): Promise<void> {
  const services = await Promise.all([startDemoService("v1", 18081), startDemoService("v2", 18082)]);
  const proxy = startProxy();
  const ended = new Promise<number>((resolve) => proxy.once("exit", (code) => resolve(code ?? 1)));
  process.on("SIGINT", () => proxy.kill("SIGTERM"));
  process.on("SIGTERM", () => proxy.kill("SIGTERM"));
  await Promise.race([waitUntilReady(), ended.then((code) => Promise.reject(new Error(`The proxy ended with code ${code}`)))]);
  process.stdout.write(introduction());
  const timers = [setInterval(() => void showTable(false), TABLE_INTERVAL_MS)];
  if (options.quiet !== true) {
    timers.push(setInterval(() => void get(`${PROXY}/hello`).catch(() => undefined), TRAFFIC_INTERVAL_MS));
  }
  if (options.seconds !== undefined) setTimeout(() => proxy.kill("SIGTERM"), Number(options.seconds) * 1000);
  await showTable(true);
  process.exitCode = await ended;
  for (const timer of timers) clearInterval(timer);
  for (const service of services) {
    service.close();
    service.closeAllConnections();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
