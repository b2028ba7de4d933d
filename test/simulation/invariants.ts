// What must hold in every simulated world.
import { leaks } from "../kit/leaks.ts";
import { HTTP_LOG, TCP_LOG } from "./random-config.ts";
import type { World } from "./world.ts";

/** Gauges that count live things. */
const LIVE = /(_active|_buffered|_pending|draining)$/;
/** Brought up to date when somebody asks a running server. */
const LIMITS = /_open$/;
const DOWNSTREAM = /downstream_(cx|rq)_active$/;
/** They count configuration and hosts. */
const CONFIGURED = /^(listener_manager\.total_|cluster_manager\.)/;

/** After every time-out is over: idle connections are gone too. */
export function checkIdle(world: World): void {
  for (const [name, stat] of world.server.statsReader.ofKind("gauge")) {
    if (DOWNSTREAM.test(name) && stat.value() !== 0) {
      world.ledger.problem(`${name} is ${stat.value()} after all time-outs`);
    }
  }
}

/** Nobody waits any more. */
export function checkQuiet(world: World): void {
  const { ledger } = world;
  for (const client of world.clients) {
    for (const record of client.outstanding) {
      ledger.problem(`${client.name}: request ${record.id} got no answer and no end`);
    }
  }
}

/** When all peers have left: nothing is counted as alive. */
export function checkGauges(world: World, running: boolean): void {
  for (const [name, stat] of world.server.statsReader.ofKind("gauge")) {
    const live = LIVE.test(name) || (running && LIMITS.test(name));
    if (live && !CONFIGURED.test(name) && stat.value() !== 0) {
      world.ledger.problem(`gauge ${name} is ${stat.value()} at the end`);
    }
  }
}

/** After the server closed. */
export function checkAtEnd(world: World): void {
  const { ledger, time, network } = world;
  for (const leak of leaks({ time, network, dispatchers: world.dispatchers })) ledger.problem(leak);
  for (const bug of time.bugs) ledger.problem(`bug: ${(bug as Error).stack ?? String(bug)}`);
  // A timer wheel may wake up once more for nothing.
  const tasks = time.pending().filter((task) => !task.startsWith("alarm "));
  for (const task of tasks) ledger.problem(`still to run: ${task}`);
  for (const path of world.files.watched()) ledger.problem(`${path} is still watched`);
  checkGauges(world, false);
  checkHttpLog(world);
  checkTcpLog(world);
}

/** Every stream ended once and was logged once. */
function checkHttpLog(world: World): void {
  const { ledger } = world;
  const lines = linesOf(world, HTTP_LOG);
  const logged = new Map<string, number>();
  for (const line of lines) {
    const [id = "", , , ...rest] = line.split("|");
    const versions = rest.slice(0, 3);
    logged.set(id, (logged.get(id) ?? 0) + 1);
    const seen = new Set(versions.filter((version) => version !== "-"));
    if (seen.size > 1) ledger.problem(`versions in the log: ${line}`);
  }
  for (const [id, times] of logged) {
    if (id !== "-" && times > 1) ledger.problem(`request ${id} was logged ${times} times`);
  }
  for (const record of ledger.requests) {
    const known = logged.has(String(record.id));
    if (!known && (record.forwarded > 0 || record.responseHeads > 0)) {
      // A request that is answered before its headers could be read is logged without an id.
      if (record.forwarded > 0 || !logged.has("-")) ledger.problem(`${record.id} was not logged`);
    }
  }
  const streams = sum(world, /^http\.web\d+\.downstream_rq_total$/);
  if (world.countsEverything && streams !== lines.length)
    ledger.problem(`${streams} streams, ${lines.length} log lines`);
}

function checkTcpLog(world: World): void {
  const connections = sum(world, /^tcp\.tcp\.downstream_cx_total$/);
  const lines = linesOf(world, TCP_LOG).length;
  if (world.countsEverything && connections !== lines) {
    world.ledger.problem(`${connections} TCP connections, ${lines} log lines`);
  }
}

function linesOf(world: World, path: string): string[] {
  return (world.files.logs.get(path) ?? "").split("\n").filter((line) => line !== "");
}

function sum({ counters }: World, name: RegExp): number {
  let total = 0;
  for (const [key, value] of counters) if (name.test(key)) total += value;
  return total;
}
