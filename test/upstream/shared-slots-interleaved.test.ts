// Several data planes over one set of shared slots: interleaved by seed in one thread, and really
// concurrent in worker threads.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { createSilentScope } from "../../src/stats/stats-store.ts";
import { ResourceLimit } from "../../src/upstream/resource-limits.ts";
import {
  createSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
  type SharedSlotsHandle,
} from "../../src/upstream/shared-slots.ts";
import { environmentSeed, SeededRandom } from "../kit/seeded-random.ts";

const PLANES = 3;
const SEEDS = 200;
const STEPS = 400;
const KEYS = Array.from({ length: 12 }, (_, i) => `cluster|10.0.0.${i}:80`);
const LAYOUT = { capacity: 64, dataPlanes: PLANES, sharedWords: 2, stripeCells: 3 };

const THREADS = 3;
const ROUNDS = 20_000;
const LIMIT = 2;

/** What one key should look like while somebody holds it. */
interface Model {
  slot: number;
  generation: number;
  counted: number;
  /** Per data plane. */
  readonly holds: number[];
}

function holders(model: Model): number {
  return model.holds.reduce((sum, count) => sum + count, 0);
}

/** One run of random steps by random data planes; throws at the first broken promise. */
function interleave(seed: number): void {
  const random = new SeededRandom(seed);
  const handle = createSharedSlots(LAYOUT);
  const planes = Array.from({ length: PLANES }, () => new SharedSlots(handle));
  const models = new Map<string, Model>();
  const lastGeneration = new Map<number, number>();
  for (let step = 0; step < STEPS; step++) {
    const plane = random.below(PLANES);
    const slots = planes[plane] as SharedSlots;
    const key = KEYS[random.below(KEYS.length)] as string;
    const model = models.get(key);
    const choice = random.below(4);
    if (choice === 0) acquire(slots, plane, key, models, lastGeneration);
    else if (model !== undefined && (model.holds[plane] ?? 0) > 0) {
      if (choice === 1) release(slots, plane, key, models, lastGeneration);
      else count(slots, plane, model);
    }
    check(planes, models);
  }
}

function acquire(
  slots: SharedSlots,
  plane: number,
  key: string,
  models: Map<string, Model>,
  lastGeneration: Map<number, number>,
): void {
  const slot = slots.acquire(key);
  assert.notEqual(slot, SCRATCH_SLOT);
  const known = models.get(key);
  if (known !== undefined) {
    assert.equal(slot, known.slot, "every holder of a key gets the same slot");
    known.holds[plane] = (known.holds[plane] ?? 0) + 1;
    return;
  }
  const generation = slots.generation(slot);
  const before = lastGeneration.get(slot);
  assert.ok(before === undefined || generation > before, "a new owner means a new generation");
  assert.equal(slots.sum(slot, 0), 0, "a new owner starts from zero");
  const holds = Array.from({ length: PLANES }, (_, i) => (i === plane ? 1 : 0));
  models.set(key, { slot, generation, counted: 0, holds });
}

function release(
  slots: SharedSlots,
  plane: number,
  key: string,
  models: Map<string, Model>,
  lastGeneration: Map<number, number>,
): void {
  const model = models.get(key) as Model;
  slots.release(key);
  model.holds[plane] = (model.holds[plane] as number) - 1;
  if (holders(model) > 0) return;
  models.delete(key);
  lastGeneration.set(model.slot, model.generation);
}

function count(slots: SharedSlots, plane: number, model: Model): void {
  const at = slots.cellIndex(model.slot, plane);
  slots.cells[at] = (slots.cells[at] as number) + 1;
  Atomics.add(slots.words, slots.wordIndex(model.slot), 1);
  model.counted++;
}

/** Whoever looks, all see the same, and no two keys share a slot. */
function check(planes: readonly SharedSlots[], models: ReadonlyMap<string, Model>): void {
  const taken = new Set([...models.values()].map((model) => model.slot));
  assert.equal(taken.size, models.size, "no two keys share a slot");
  for (const slots of planes) {
    for (const { slot, counted, generation } of models.values()) {
      assert.equal(slots.sum(slot, 0), counted);
      assert.equal(Atomics.load(slots.words, slots.wordIndex(slot)), counted);
      assert.equal(slots.generation(slot), generation);
    }
  }
}

/** What each thread of the concurrent test gets. */
interface Shared {
  readonly handle: SharedSlotsHandle;
  /** Threads inside the limit right now, the most ever seen, and how often it was taken. */
  readonly seen: SharedArrayBuffer;
}

function limitOf(handle: SharedSlotsHandle, dataPlane: number): ResourceLimit {
  const slots = new SharedSlots(handle);
  const slot = slots.acquire("limit");
  const place = { slots, word: slots.wordIndex(slot), cell: slots.cellIndex(slot, dataPlane) };
  return new ResourceLimit(place, LIMIT, createSilentScope().gauge("open"), null);
}

function hammer({ handle, seen }: Shared, dataPlane: number): void {
  const limit = limitOf(handle, dataPlane);
  const numbers = new Int32Array(seen);
  for (let round = 0; round < ROUNDS; round++) {
    if (!limit.tryAcquire()) continue;
    const inside = Atomics.add(numbers, 0, 1) + 1;
    if (inside > Atomics.load(numbers, 1)) Atomics.store(numbers, 1, inside);
    Atomics.add(numbers, 2, 1);
    Atomics.sub(numbers, 0, 1);
    limit.release();
  }
}

if (!isMainThread) {
  const { shared, dataPlane } = workerData as { shared: Shared; dataPlane: number };
  hammer(shared, dataPlane);
} else {
  describe("shared slots under several data planes", () => {
    it(`keep their promises in ${SEEDS} interleavings`, () => {
      const first = environmentSeed(1);
      for (let seed = first; seed < first + SEEDS; seed++) {
        try {
          interleave(seed);
        } catch (error) {
          throw new Error(`OUTRIGGER_SEED=${seed}`, { cause: error });
        }
      }
    });

    it("never let more through than the limit says, whatever the threads do", async () => {
      const shared: Shared = {
        handle: createSharedSlots({ ...LAYOUT, dataPlanes: THREADS }),
        seen: new SharedArrayBuffer(12),
      };
      const workers = Array.from({ length: THREADS }, (_, dataPlane) => {
        const path = fileURLToPath(import.meta.url);
        return new Worker(path, { workerData: { shared, dataPlane } });
      });
      const codes = await Promise.all(workers.map((worker) => once(worker, "exit")));
      assert.deepEqual(codes, Array(THREADS).fill([0]));
      const [inside, most, times] = new Int32Array(shared.seen);
      assert.equal(inside, 0);
      assert.ok((most as number) <= LIMIT, `${most} inside a limit of ${LIMIT}`);
      assert.ok((times as number) > 0, "the limit lets somebody through");
      assert.equal(limitOf(shared.handle, 0).count, 0);
    });
  });
}
