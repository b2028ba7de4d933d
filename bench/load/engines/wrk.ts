// wrk as the saturation engine: written in C, it costs about a third of the generator here and so
// leaves the second core to the upstream. Closed loop: its latency is not used for claims.
import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "../processes/spawn.ts";
import { HOST, REQUEST_HEADERS, type RequestShape } from "../request.ts";
import type { LoadResult } from "./load-result.ts";

export interface WrkRun {
  readonly wrk: string;
  readonly folder: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly shape: RequestShape;
  readonly core: number;
}

const MARK = "BENCH ";

/** Runs wrk once and reads its summary. */
export async function runWrk(run: WrkRun): Promise<LoadResult> {
  const script = join(run.folder, "wrk.lua");
  const output = join(run.folder, "wrk.out");
  writeFileSync(script, wrkScript(run.shape));
  writeFileSync(output, "");
  const seconds = Math.max(1, Math.round(run.seconds));
  const child: ChildProcess = start({
    command: [
      run.wrk,
      ...["-t", "1", "-c", String(run.connections), "-d", `${seconds}s`, "--timeout", "10s"],
      ...["-s", script, `http://127.0.0.1:${run.port}${run.shape.path}`],
    ],
    cores: String(run.core),
    logPath: output,
  });
  await new Promise((resolve) => child.once("exit", resolve));
  return parseWrk(readFileSync(output, "utf8"));
}

/** The Lua side: our headers in, one line of numbers out. */
export function wrkScript(shape: RequestShape): string {
  const headers = [{ name: "Host", value: HOST }, ...REQUEST_HEADERS];
  if (shape.close) headers.push({ name: "Connection", value: "close" });
  return [
    `wrk.method = "${shape.method}"`,
    ...headers.map((field) => `wrk.headers["${field.name}"] = ${JSON.stringify(field.value)}`),
    shape.bodyBytes > 0 ? `wrk.body = string.rep("x", ${shape.bodyBytes})` : "",
    "function done(summary, latency, requests)",
    "  local e = summary.errors",
    `  io.write(string.format("${MARK}%d %d %d %d %d %d %d\\n", summary.requests, summary.duration,`,
    "    e.connect + e.read + e.write + e.timeout + e.status, latency:percentile(50),",
    "    latency:percentile(90), latency:percentile(99), latency:percentile(99.9)))",
    "end",
    "",
  ].join("\n");
}

/** Reads the line our script wrote. */
export function parseWrk(text: string): LoadResult {
  const line = text.split("\n").find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) throw new Error(`wrk gave no result:\n${text.slice(-500)}`);
  const values = line.slice(MARK.length).split(" ").map(Number);
  const [completed = 0, micros = 0, errors = 0, p50 = 0, p90 = 0, p99 = 0, p999 = 0] = values;
  return {
    engine: "wrk",
    completed,
    errors,
    seconds: micros / 1e6,
    bytes: 0,
    latencyMicros: { p50, p90, p99, p999, max: Number.NaN },
  };
}
