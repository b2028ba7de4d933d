import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MergedStat } from "../../src/stats/merged-stat.ts";
import { SlabMirror, StatSlab } from "../../src/stats/slab.ts";
import { StatsReader } from "../../src/stats/stats-reader.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";

function twoPlanes(): { a: StatsStore; b: StatsStore; reader: StatsReader } {
  const a = new StatsStore(new StatSlab());
  const b = new StatsStore(new StatSlab());
  const reader = new StatsReader();
  reader.addSlab(a.slab);
  reader.addSlab(b.slab);
  return { a, b, reader };
}

function find(reader: StatsReader, name: string): MergedStat {
  const stat = reader.stats().find((candidate) => candidate.name === name);
  assert.ok(stat, `no stat ${name}`);
  return stat;
}

function names(reader: StatsReader): string[] {
  return reader.stats().map((stat) => stat.name);
}

describe("StatsReader", () => {
  it("adds counters and gauges of all data planes", () => {
    const { a, b, reader } = twoPlanes();
    a.root.counter("c").add(2);
    b.root.counter("c").add(3);
    a.root.gauge("g").set(5);
    b.root.gauge("g").set(-1);
    assert.equal(find(reader, "c").value(), 5);
    assert.equal(find(reader, "g").value(), 4);
  });

  it("takes the maximum of gauges that every data plane computes alike", () => {
    const { a, b, reader } = twoPlanes();
    a.root.gauge("members", "max").set(3);
    b.root.gauge("members", "max").set(4);
    assert.equal(find(reader, "members").value(), 4);
  });

  it("merges histograms bin by bin", () => {
    const { a, b, reader } = twoPlanes();
    a.root.histogram("h").record(100);
    b.root.histogram("h").record(105);
    b.root.histogram("h").record(7);
    const snapshot = find(reader, "h").snapshot();
    assert.deepEqual([snapshot.sampleCount, ...snapshot.counts], [3, 1, 2]);
  });

  it("lists names in order, also those that appear later", () => {
    const { a, b, reader } = twoPlanes();
    a.root.counter("b");
    a.root.counter("d");
    assert.deepEqual(names(reader), ["b", "d"]);
    const version = reader.version();
    b.root.counter("c");
    b.root.counter("a");
    assert.deepEqual(names(reader), ["a", "b", "c", "d"]);
    assert.notEqual(reader.version(), version);
  });

  it("gives the same list and version when nothing changed but values", () => {
    const { a, reader } = twoPlanes();
    const counter = a.root.counter("c");
    const before = reader.stats();
    const version = reader.version();
    counter.inc();
    assert.equal(reader.stats(), before);
    assert.equal(reader.version(), version);
  });

  it("forgets a removed stat when the last data plane has removed it", () => {
    const { a, b, reader } = twoPlanes();
    const inA = a.root.scope("cluster.x");
    const inB = b.root.scope("cluster.x");
    inA.counter("c").add(1);
    inB.counter("c").add(2);
    assert.equal(find(reader, "cluster.x.c").value(), 3);
    inA.remove();
    assert.equal(find(reader, "cluster.x.c").value(), 2);
    inB.remove();
    assert.deepEqual(names(reader), []);
    b.root.scope("cluster.x").counter("c").inc();
    assert.equal(find(reader, "cluster.x.c").value(), 1);
  });

  it("keeps the counts of a data plane that ended, and drops its gauges", () => {
    const { a, b, reader } = twoPlanes();
    for (const plane of [a, b]) {
      plane.root.counter("c").add(10);
      plane.root.gauge("g").set(4);
      plane.root.histogram("h").record(50);
    }
    a.root.counter("only_a").inc();
    a.root.gauge("only_a_gauge").set(1);
    reader.retireSlab(a.slab);
    assert.equal(find(reader, "c").value(), 10 + 10);
    assert.equal(find(reader, "g").value(), 4);
    assert.equal(find(reader, "h").snapshot().sampleCount, 2);
    assert.ok(find(reader, "h").isUsed());
    assert.equal(find(reader, "only_a").value(), 1);
    assert.ok(!names(reader).includes("only_a_gauge"));
  });

  it("tells used stats from unused ones", () => {
    const { a, reader } = twoPlanes();
    a.root.counter("c.unused");
    a.root.counter("c.zero").add(0);
    a.root.gauge("g.unused");
    const gauge = a.root.gauge("g.back_to_zero");
    gauge.inc();
    gauge.dec();
    a.root.histogram("h.unused");
    a.root.histogram("h.used").record(0);
    a.root.textReadout("t.unused");
    a.root.textReadout("t.used").set("x");
    const used = reader.stats().filter((stat) => stat.isUsed());
    assert.deepEqual(
      used.map((stat) => stat.name),
      ["c.zero", "g.back_to_zero", "h.used", "t.used"],
    );
  });

  it("shows 0 after a reset of counters and counts on from there; gauges and histograms stay", () => {
    const { a, b, reader } = twoPlanes();
    const counter = a.root.counter("c");
    counter.add(5);
    b.root.counter("c").add(5);
    a.root.gauge("g").set(3);
    a.root.histogram("h").record(1);
    reader.resetCounters();
    assert.equal(find(reader, "c").value(), 0);
    assert.ok(find(reader, "c").isUsed());
    counter.inc();
    reader.resetCounters();
    counter.add(2);
    assert.equal(find(reader, "c").value(), 2);
    assert.equal(find(reader, "g").value(), 3);
    assert.equal(find(reader, "h").snapshot().sampleCount, 1);
  });

  it("gives the last complete interval of a histogram", () => {
    const { a, reader } = twoPlanes();
    const histogram = a.root.histogram("h");
    const counts = (): readonly number[] => find(reader, "h").intervalSnapshot().counts;
    histogram.record(1);
    assert.deepEqual(counts(), []);
    reader.rotateIntervals();
    histogram.record(1);
    histogram.record(1);
    assert.deepEqual(counts(), [1]);
    reader.rotateIntervals();
    assert.deepEqual(counts(), [2]);
    reader.rotateIntervals();
    assert.deepEqual(counts(), []);
  });

  it("reads another thread's slab through a mirror, also bins in a page not yet announced", () => {
    const owner = new StatsStore(new StatSlab());
    const mirror = new SlabMirror();
    const reader = new StatsReader();
    reader.addSlab(mirror);
    const histogram = owner.root.histogram("h");
    histogram.record(5);
    mirror.apply(owner.slab.takeUpdate());
    assert.equal(find(reader, "h").snapshot().sampleCount, 1);
    owner.slab.allocate(4000);
    histogram.record(500);
    assert.equal(find(reader, "h").snapshot().sampleCount, 1);
    mirror.apply(owner.slab.takeUpdate());
    assert.equal(find(reader, "h").snapshot().sampleCount, 2);
  });
});
