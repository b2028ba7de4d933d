// Runs a range of seeds in this process: `node run-seeds.ts FIRST COUNT [STEP]`. Prints one line of
// JSON per failed seed, and at last the number of seeds that ran.
import { World } from "./world.ts";

export interface SeedFailure {
  readonly seed: number;
  readonly problems: readonly string[];
  readonly trace: readonly string[];
}

/** Null when every rule was kept. A failed seed runs once more to record what happened. */
export async function runSeed(seed: number): Promise<SeedFailure | null> {
  const quick = await live(seed, false);
  if (quick.problems.length === 0) return null;
  return live(seed, true);
}

export async function live(seed: number, tracing: boolean): Promise<SeedFailure> {
  const world = new World(seed, tracing);
  try {
    await world.live();
  } catch (error) {
    world.ledger.problem(`thrown: ${(error as Error).stack ?? String(error)}`);
  }
  const { problems, trace } = world.ledger;
  return { seed, problems, trace };
}

if (import.meta.main) {
  const [first = 1, count = 1, step = 1] = process.argv.slice(2).map(Number);
  for (let index = 0; index < count; index++) {
    const failure = await runSeed(first + index * step);
    if (failure !== null) process.stdout.write(`${JSON.stringify(failure)}\n`);
  }
  process.stdout.write(`${JSON.stringify({ ran: count })}\n`);
}
