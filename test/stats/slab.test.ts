import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import {
  PAGE_CELLS,
  readCell,
  SlabMirror,
  type SlabUpdate,
  StatSlab,
} from "../../src/stats/slab.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";

function sentOverPort(update: SlabUpdate): SlabUpdate {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(update);
  const received = receiveMessageOnPort(port2) as { message: SlabUpdate };
  port1.close();
  return received.message;
}

function mirrored(mirror: SlabMirror, name: string): number | undefined {
  const entry = mirror.entries.find((candidate) => candidate?.name === name);
  return entry === undefined || entry === null ? undefined : readCell(mirror.pages, entry.cell);
}

describe("StatSlab", () => {
  it("appends a page when the cells of the first are used up, and both keep counting", () => {
    const store = new StatsStore(new StatSlab());
    const counters = Array.from({ length: PAGE_CELLS + 10 }, (_, i) => store.root.counter(`c${i}`));
    for (const [i, counter] of counters.entries()) counter.add(i);
    assert.equal(store.slab.pages.length, 2);
    for (const [i, counter] of counters.entries()) assert.equal(counter.value(), i);
  });

  it("never lets one piece of memory cross a page", () => {
    const slab = new StatSlab();
    for (let i = 0; i < 500; i++) {
      const cell = slab.allocate(50);
      assert.equal(Math.floor(cell / PAGE_CELLS), Math.floor((cell + 49) / PAGE_CELLS));
    }
  });

  it("tells a never written gauge from one that is back at zero", () => {
    const { root, slab } = new StatsStore(new StatSlab());
    root.gauge("unused");
    const used = root.gauge("used");
    used.inc();
    used.dec();
    const raw = slab.entries.map((entry) => readCell(slab.pages, entry?.cell ?? 0));
    assert.ok(Object.is(raw[0], -0));
    assert.ok(Object.is(raw[1], 0));
    assert.ok(Object.is(used.value(), 0));
  });

  it("shows values in a mirror without further messages, and new names after one", () => {
    const store = new StatsStore(new StatSlab());
    let announced = 0;
    store.slab.onChange = () => announced++;
    const mirror = new SlabMirror();
    const first = store.root.counter("first");
    mirror.apply(sentOverPort(store.slab.takeUpdate()));
    first.add(41);
    first.inc();
    assert.equal(mirrored(mirror, "first"), 42);
    assert.equal(announced, 0);

    store.root.gauge("second").set(7);
    store.root.textReadout("version_text").set("v1");
    assert.equal(announced, 1);
    assert.equal(mirrored(mirror, "second"), undefined);
    mirror.apply(sentOverPort(store.slab.takeUpdate()));
    assert.equal(mirrored(mirror, "second"), 7);
    assert.equal(mirror.text(2), "v1");
  });

  it("carries a removal and the reuse of its id in one update", () => {
    const store = new StatsStore(new StatSlab());
    const scope = store.root.scope("old");
    scope.counter("x").inc();
    const mirror = new SlabMirror();
    mirror.apply(sentOverPort(store.slab.takeUpdate()));
    scope.remove();
    store.root.counter("new").inc();
    mirror.apply(sentOverPort(store.slab.takeUpdate()));
    assert.deepEqual(
      mirror.entries.map((entry) => entry?.name),
      ["new"],
    );
    assert.equal(mirrored(mirror, "new"), 1);
  });

  it("keeps memory bounded while stats come and go, and hands out zeroed cells", () => {
    const store = new StatsStore(new StatSlab());
    for (let round = 0; round < 5000; round++) {
      const scope = store.root.scope("cluster.churn");
      const counter = scope.counter("x");
      const histogram = scope.histogram("h");
      assert.equal(counter.value(), 0);
      assert.equal(histogram.count(), 0);
      counter.inc();
      histogram.record(5);
      scope.remove();
    }
    assert.ok(store.slab.pages.length < 20, `${store.slab.pages.length} pages`);
  });

  it("does not let a late increment through an old handle reach the next owner of the memory", () => {
    const store = new StatsStore(new StatSlab());
    const scope = store.root.scope("old");
    const stale = scope.counter("x");
    scope.remove();
    const fresh = Array.from({ length: 100 }, (_, i) => store.root.counter(`fresh${i}`));
    stale.inc();
    assert.ok(fresh.every((counter) => counter.value() === 0));
  });
});
