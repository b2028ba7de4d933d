import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCell, StatSlab } from "../../src/stats/slab.ts";
import { sanitizeStatName } from "../../src/stats/stats-scope.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";

function entryNames(slab: StatSlab): string[] {
  return slab.entries.flatMap((entry) => (entry === null ? [] : [entry.name]));
}

function cellOf(slab: StatSlab, name: string): number | null {
  const entry = slab.entries.find((candidate) => candidate?.name === name) ?? null;
  return entry === null ? null : readCell(slab.pages, entry.cell);
}

describe("StatsScope", () => {
  it("joins names with dots and gives the same cell for the same name", () => {
    const { root, slab } = new StatsStore(new StatSlab());
    root.scope("cluster.foo").counter("upstream_rq_total").inc();
    root.counter("cluster.foo.upstream_rq_total").add(2);
    assert.deepEqual(entryNames(slab), ["cluster.foo.upstream_rq_total"]);
    assert.equal(cellOf(slab, "cluster.foo.upstream_rq_total"), 3);
  });

  it("keeps a counter and a gauge of one name apart", () => {
    const { root } = new StatsStore(new StatSlab());
    root.counter("a").inc();
    root.gauge("a").set(7);
    assert.equal(root.counter("a").value(), 1);
    assert.equal(root.gauge("a").value(), 7);
  });

  it("finds the old value when a released name comes back", () => {
    const { root, slab } = new StatsStore(new StatSlab());
    const scope = root.scope("cluster.foo");
    scope.counter("x").add(5);
    scope.release();
    assert.equal(cellOf(slab, "cluster.foo.x"), 5);
    assert.equal(root.scope("cluster.foo").counter("x").value(), 5);
  });

  it("removes a stat with its last scope, sub-scopes included", () => {
    const { root, slab } = new StatsStore(new StatSlab());
    const older = root.scope("cluster.foo");
    const newer = root.scope("cluster.foo");
    older.scope("ssl").counter("handshake").inc();
    newer.scope("ssl").counter("handshake").inc();
    older.counter("only_old").inc();
    older.remove();
    assert.deepEqual(entryNames(slab), ["cluster.foo.ssl.handshake"]);
    newer.remove();
    assert.deepEqual(entryNames(slab), []);
    assert.equal(root.counter("cluster.foo.ssl.handshake").value(), 0);
  });

  it("sweeps released stats that nobody wants kept, and no held ones", () => {
    const store = new StatsStore(new StatSlab());
    const idle = store.root.scope("cluster.idle");
    idle.counter("x");
    const gone = store.root.scope("cluster.gone");
    gone.counter("x");
    store.root.scope("cluster.live").counter("x");
    idle.release();
    gone.release();
    store.sweep((name) => name.startsWith("cluster.idle."));
    assert.deepEqual(entryNames(store.slab), ["cluster.idle.x", "cluster.live.x"]);
  });

  it("gives a rejected stat a handle that works and is not listed", () => {
    const store = new StatsStore(new StatSlab(), { accepts: (name) => !name.includes("secret") });
    const { root } = store;
    root.counter("secret.counter").inc();
    root.gauge("secret.gauge").set(3);
    root.histogram("secret.histogram").record(123456);
    root.textReadout("secret.text").set("hidden");
    root.counter("open").inc();
    assert.deepEqual(entryNames(store.slab), ["open"]);
    assert.equal(root.counter("open").value(), 1);
    assert.equal(root.textReadout("secret.text").value(), "");
  });

  it("sanitises names as Envoy does", () => {
    const cases: [string, string][] = [
      ["a.b", "a.b"],
      [".a.b.", "a.b"],
      ["..a", ".a"],
      ["[::1]:80", "[__1]_80"],
      ["http://host/x", "http_host/x"],
      ["a:/b", "a_b"],
      ["a\0b", "a_b"],
      [".", ""],
      ["", ""],
    ];
    for (const [given, expected] of cases) assert.equal(sanitizeStatName(given), expected);
  });
});
