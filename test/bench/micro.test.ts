import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { bench } from "../../bench/kit/micro.ts";

const folder = fileURLToPath(new URL("../../bench/micro/", import.meta.url));
const benches = (readdirSync(folder, { recursive: true }) as string[])
  .filter((path) => path.endsWith(".bench.ts"))
  .sort();

describe("micro-benches", () => {
  // One process for all: each bench file costs its own imports only.
  it("run with tiny parameters", () => {
    const script = benches
      .map((path) => `await import(${JSON.stringify(folder + path)});`)
      .join("\n");
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      env: { ...process.env, OUTRIGGER_BENCH_TINY: "1" },
    });
    assert.equal(status, 0, stderr);
  });

  it("count what an operation allocates", { skip: process.version < "v26" }, () => {
    const grown = bench("allocates", (iteration) => new Array(100).fill(iteration));
    assert.ok(grown.bytesPerOperation >= 400, `${grown.bytesPerOperation}`);
  });
});
