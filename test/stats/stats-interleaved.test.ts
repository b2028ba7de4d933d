// Random lives of stats on several data planes, read through mirrors that lag behind; a simple
// model says what the reader must show.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SlabMirror, StatSlab } from "../../src/stats/slab.ts";
import { StatsReader } from "../../src/stats/stats-reader.ts";
import type { StatsScope } from "../../src/stats/stats-scope.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";
import { environmentSeed, SeededRandom } from "../kit/seeded-random.ts";

const SEEDS = 150;
const STEPS = 300;
const NAMES = ["a", "b", "c", "d"];

/** One data plane with its model: per name the scopes that hold it and what was counted. */
class Plane {
  readonly store = new StatsStore(new StatSlab());
  readonly mirror = new SlabMirror();
  readonly scopes = new Map<string, StatsScope[]>();
  readonly counted = new Map<string, number>();

  open(name: string): void {
    const scope = this.store.root.scope(name);
    scope.counter("n");
    scope.histogram("h");
    this.scopes.set(name, [...(this.scopes.get(name) ?? []), scope]);
    if (!this.counted.has(name)) this.counted.set(name, 0);
  }

  count(name: string): void {
    const scope = this.scopes.get(name)?.[0];
    if (scope === undefined) return;
    scope.counter("n").inc();
    scope.histogram("h").record(this.counted.get(name) as number);
    this.counted.set(name, (this.counted.get(name) as number) + 1);
  }

  /** Released stats stay; removed ones go with their last scope. */
  close(name: string, how: "release" | "remove"): void {
    const scopes = this.scopes.get(name) ?? [];
    const scope = scopes.shift();
    if (scope === undefined) return;
    scope[how]();
    if (how === "remove" && scopes.length === 0) this.counted.delete(name);
  }
}

class World {
  readonly reader = new StatsReader();
  readonly planes: Plane[] = [];
  /** Counts of data planes that ended. */
  readonly carried = new Map<string, number>();

  start(): void {
    const plane = new Plane();
    this.planes.push(plane);
    this.reader.addSlab(plane.mirror);
  }

  end(plane: Plane): void {
    plane.mirror.apply(plane.store.slab.takeUpdate());
    this.check();
    this.reader.retireSlab(plane.mirror);
    this.planes.splice(this.planes.indexOf(plane), 1);
    for (const [name, count] of plane.counted) {
      if (count > 0) this.carried.set(name, (this.carried.get(name) ?? 0) + count);
    }
  }

  /** Only when every mirror is up to date. */
  check(): void {
    for (const plane of this.planes) plane.mirror.apply(plane.store.slab.takeUpdate());
    const shown = this.reader.stats();
    // A stat that was explicitly removed everywhere takes what was carried with it.
    for (const name of this.carried.keys()) {
      if (!shown.some((stat) => stat.name === `${name}.n`)) this.carried.delete(name);
    }
    const expected = new Map(this.carried);
    for (const plane of this.planes) {
      for (const [name, count] of plane.counted) {
        expected.set(name, (expected.get(name) ?? 0) + count);
      }
    }
    const names = [...expected.keys()].sort();
    assert.deepEqual(
      shown.map((stat) => [
        stat.name,
        stat.entry.kind === "counter" ? stat.value() : stat.snapshot().sampleCount,
      ]),
      names.flatMap((name) => [
        [`${name}.h`, expected.get(name)],
        [`${name}.n`, expected.get(name)],
      ]),
    );
  }
}

function run(seed: number): void {
  const random = new SeededRandom(seed);
  const world = new World();
  world.start();
  for (let step = 0; step < STEPS; step++) {
    const plane = world.planes[random.below(world.planes.length)] as Plane;
    const name = NAMES[random.below(NAMES.length)] as string;
    const choice = random.below(20);
    if (choice < 4) plane.open(name);
    else if (choice < 12) plane.count(name);
    else if (choice < 14) plane.close(name, "release");
    else if (choice < 16) plane.close(name, "remove");
    else if (choice < 17 && world.planes.length < 3) world.start();
    else if (choice < 18 && world.planes.length > 1) world.end(plane);
    else world.check();
  }
  world.check();
}

describe("stats of several data planes", () => {
  it(`add up in ${SEEDS} random lives`, () => {
    const first = environmentSeed(1);
    for (let seed = first; seed < first + SEEDS; seed++) {
      try {
        run(seed);
      } catch (error) {
        throw new Error(`OUTRIGGER_SEED=${seed}`, { cause: error });
      }
    }
  });
});
