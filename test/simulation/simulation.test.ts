// Random worlds around the whole proxy. OUTRIGGER_SIMULATION_SEEDS says how many (2 000),
// OUTRIGGER_SEED=n runs one alone and prints all that happens in it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { environmentSeed } from "../kit/seeded-random.ts";
import { live, type SeedFailure } from "./run-seeds.ts";

const SEEDS = Number(process.env["OUTRIGGER_SIMULATION_SEEDS"] || 2000);
const ONE = environmentSeed(0);
const TRACE_LINES = 60;

describe("a whole proxy among random peers, faults and reloads", () => {
  if (ONE === 0) {
    it(`keeps every rule in ${SEEDS} worlds`, async () => {
      const processes = availableParallelism();
      const share = Math.ceil(SEEDS / processes);
      const runs = Array.from({ length: processes }, (_, index) =>
        runSeeds(1 + index, share, processes),
      );
      const failures = (await Promise.all(runs)).flat();
      assert.ok(failures.length === 0, report(failures));
    });
  } else {
    it(`keeps every rule in world ${ONE}`, async () => {
      const world = await live(ONE, true);
      process.stdout.write(`${world.trace.join("\n")}\n`);
      assert.deepEqual(world.problems, []);
    });
  }

  it("comes out the same for the same seed", async () => {
    const [first, second] = [await live(7, true), await live(7, true)];
    assert.ok(first.trace.length > 10);
    assert.deepEqual(second.trace, first.trace);
  });
});

/** Every `step`-th seed from `first`, in a process of its own. */
function runSeeds(first: number, count: number, step: number): Promise<SeedFailure[]> {
  const program = fileURLToPath(new URL("run-seeds.ts", import.meta.url));
  const args = [program, String(first), String(count), String(step)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const lines = output.split("\n").filter((line) => line !== "");
      const results = lines.map((line) => JSON.parse(line) as SeedFailure | { ran: number });
      const failures = results.filter((result) => "seed" in result);
      if (failures.length < results.length) resolve(failures);
      else reject(new Error(`the seeds from ${first} broke off with code ${code}`));
    });
  });
}

function report(failures: readonly SeedFailure[]): string {
  const [first] = failures;
  if (first === undefined) return "";
  const list = failures.map(({ seed, problems }) => `  seed ${seed}: ${problems[0]}`);
  return [
    `${failures.length} worlds broke a rule; OUTRIGGER_SEED=n runs one again:`,
    ...list.slice(0, 20),
    `The end of seed ${first.seed}:`,
    ...first.trace.slice(-TRACE_LINES).map((line) => `  ${line}`),
    ...first.problems.slice(0, 10),
  ].join("\n");
}
