import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { createRuntime, type RunningRuntime } from "../../../src/server/runtime/create-runtime.ts";
import { flattenLayer, fromText } from "../../../src/server/runtime/runtime-value.ts";
import { StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";
import { turnsUntil } from "../../kit/event-loop.ts";
import { MemoryFiles } from "../memory-files.ts";

const ROOT = "/runtime/current";

let files: MemoryFiles;
let store: StatsStore;
let running: RunningRuntime;

async function create(
  ...layers: Parameters<typeof createRuntime>[0]
): Promise<RunningRuntime["runtime"]> {
  running = await createRuntime(layers, files, store.root.scope("runtime"));
  return running.runtime;
}

function stat(name: string): number {
  return store.root.scope("runtime").gauge(name).value();
}

beforeEach(() => {
  files = new MemoryFiles();
  store = new StatsStore(new StatSlab());
});

describe("layers", () => {
  const base = {
    kind: "static",
    name: "base",
    entries: flattenLayer({ a: { b: 1 }, c: "x" }),
  } as const;

  it("override the ones before them, key by key", async () => {
    const over = { kind: "static", name: "over", entries: flattenLayer({ a: { b: 2 } }) } as const;
    const runtime = await create(base, over);
    assert.equal(runtime.getInteger("a.b", 9), 2);
    assert.equal(runtime.getInteger("missing", 9), 9);
    assert.deepEqual(runtime.describe(), [
      { key: "a.b", layerValues: ["1", "2"], finalValue: "2" },
      { key: "c", layerValues: ["x", ""], finalValue: "x" },
    ]);
    assert.equal(stat("num_layers"), 2);
    assert.equal(stat("num_keys"), 2);
  });

  it("can be changed only where one is an admin layer", async () => {
    const change = new Map([["a.b", "7"]]);
    assert.equal((await create(base)).modify(change), false);
    const runtime = await create(base, { kind: "admin", name: "admin" });
    let told = 0;
    runtime.onChange = () => told++;
    assert.equal(runtime.modify(change), true);
    assert.equal(runtime.getInteger("a.b", 0), 7);
    assert.equal(told, 1);
    runtime.modify(new Map([["a.b", ""]]));
    assert.equal(runtime.getInteger("a.b", 0), 1);
  });

  it("from a folder take a key per file, folders as dots, comments left out", async () => {
    files.write(`${ROOT}/envoy/http/enabled`, "# why\n50\n");
    files.write(`${ROOT}/flag`, "true");
    const runtime = await create({ kind: "disk", name: "disk", root: ROOT, watched: ROOT });
    assert.equal(runtime.getInteger("envoy.http.enabled", 0), 50);
    assert.equal(runtime.getBoolean("flag", false), true);
  });

  it("from a folder are read again when it is swapped, and let go in the end", async () => {
    files.write(`${ROOT}/key`, "1");
    const runtime = await create({ kind: "disk", name: "disk", root: ROOT, watched: ROOT });
    files.write(`${ROOT}/key`, "2");
    files.move(ROOT, "");
    await turnsUntil(() => runtime.getInteger("key", 0) === 2);
    running.close();
    assert.deepEqual(files.watched(), []);
  });
});

describe("values", () => {
  it("are whole numbers, booleans in any case, or fractions", () => {
    assert.equal(fromText(" 12 \n").integer, 12);
    assert.equal(fromText("1.5").integer, null);
    assert.equal(fromText("-1").integer, null);
    assert.equal(fromText("TRUE").boolean, true);
    assert.equal(fromText("no").boolean, null);
    assert.deepEqual(fromText("numerator: 5\ndenominator: MILLION").fraction, {
      numerator: 5,
      denominator: 1_000_000,
    });
    assert.deepEqual(fromText('{"numerator": 7}').fraction, { numerator: 7, denominator: 100 });
  });

  it("decide fractions by the given random number", async () => {
    const entries = flattenLayer({ part: { numerator: 5, denominator: "TEN_THOUSAND" }, ten: 10 });
    const runtime = await create({ kind: "static", name: "base", entries });
    assert.equal(runtime.featureEnabled("part", 0, 100, 4), true);
    assert.equal(runtime.featureEnabled("part", 0, 100, 5), false);
    assert.equal(runtime.featureEnabled("part", 0, 100, 10_004), true);
    assert.equal(runtime.featureEnabled("ten", 0, 1_000_000, 109), true);
    assert.equal(runtime.featureEnabled("ten", 0, 1_000_000, 110), false);
    assert.equal(runtime.featureEnabled("missing", 1, 100, 100), true);
    assert.equal(runtime.featureEnabled("missing", 1, 100, 101), false);
  });
});
