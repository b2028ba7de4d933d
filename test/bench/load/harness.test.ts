import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BenchResult } from "../../../bench/load/report/result.ts";

const ENTRY = fileURLToPath(new URL("../../../bench/load/main.ts", import.meta.url));
const run = promisify(execFile);

async function bench(...args: readonly string[]): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
  const json = join(folder, "result.json");
  const short = ["--repeat", "1", "--seconds", "0.2", "--warmup", "0.1", "--no-twin"];
  const own = ["--engine", "own", "--upstream", "node", "--json", json];
  try {
    await run(process.execPath, [ENTRY, ...short, ...own, ...args]);
    assert.match(readFileSync(join(folder, "report.html"), "utf8"), /<h3>/);
    return JSON.parse(readFileSync(json, "utf8")) as BenchResult;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("closed loop: an npm proxy carries requests, and its CPU and memory are measured", async () => {
  const result = await bench("--scenario", "s3", "--targets", "http-proxy-3", "--case", "16 conn");
  const [sample] = result.samples;
  assert.equal(result.samples.length, 1);
  assert.equal(sample!.engine, "own closed loop");
  assert.ok(sample!.metrics["requestsPerSecond"]! > 0);
  assert.equal(sample!.metrics["errors"], 0);
  if (process.platform === "linux") {
    assert.ok(sample!.metrics["cpuMicrosPerRequest"]! > 0);
    assert.ok(sample!.metrics["pssMb"]! > 1);
  }
});

test("open loop: every request of the schedule is sent and answered", async () => {
  const result = await bench("--scenario", "s2", "--targets", "direct", "--case", "400 rps");
  const [sample] = result.samples;
  assert.equal(sample!.engine, "own open loop");
  assert.equal(sample!.metrics["errors"], 0);
  assert.ok(sample!.histogram !== undefined && sample!.histogram.length > 20);
});

test("bulk: bodies and streams arrive whole in both directions", async () => {
  const result = await bench(
    "--scenario",
    "tcp,s5",
    "--targets",
    "direct",
    "--case",
    "0 MB",
    "--case",
    "1 × 512",
  );
  const names = result.samples.map((sample) => sample.case);
  assert.deepEqual(names.slice(4), ["TCP down, 1 × 512 MB", "TCP up, 1 × 512 MB"]);
  assert.deepEqual(names.slice(0, 4).toSorted(), [
    "100 MB down",
    "100 MB down chunked",
    "100 MB up",
    "100 MB up chunked",
  ]);
  assert.ok(result.samples.every((sample) => sample.metrics["errors"] === 0));
});

test("an unknown scenario or target is named, with what there is", async () => {
  const failed = (error: { stderr: string; code: number }): boolean => {
    assert.match(error.stderr, /no scenario "s99"; there are accept, s2/);
    assert.equal(error.code, 2);
    return true;
  };
  await assert.rejects(run(process.execPath, [ENTRY, "--scenario", "s99"]), failed);
});
