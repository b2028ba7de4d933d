import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CANARY_HOST,
  ClusterResponseCodeStats,
  INTERNAL_REQUEST,
  ResponseCodeStats,
} from "../../../src/stats/groups/response-code-stats.ts";
import { readCell, StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";

function counted(slab: StatSlab): Record<string, number> {
  const entries = slab.entries.flatMap((entry) => (entry === null ? [] : [entry]));
  return Object.fromEntries(entries.map((entry) => [entry.name, readCell(slab.pages, entry.cell)]));
}

describe("ResponseCodeStats", () => {
  it("counts completed, class and code, and creates nothing before it is needed", () => {
    const store = new StatsStore(new StatSlab());
    const stats = new ResponseCodeStats(store.root.scope("cluster.a"));
    assert.deepEqual(counted(store.slab), {});
    for (const status of [200, 200, 204, 503, 200, 101]) stats.count(status);
    assert.deepEqual(counted(store.slab), {
      "cluster.a.upstream_rq_completed": 6,
      "cluster.a.upstream_rq_2xx": 4,
      "cluster.a.upstream_rq_200": 3,
      "cluster.a.upstream_rq_204": 1,
      "cluster.a.upstream_rq_5xx": 1,
      "cluster.a.upstream_rq_503": 1,
      "cluster.a.upstream_rq_1xx": 1,
      "cluster.a.upstream_rq_101": 1,
    });
  });

  it("counts a code outside 100–599 as unknown", () => {
    const store = new StatsStore(new StatSlab());
    const stats = new ResponseCodeStats(store.root);
    stats.count(700);
    stats.count(0);
    assert.deepEqual(counted(store.slab), { upstream_rq_completed: 2, upstream_rq_unknown: 2 });
  });
});

describe("ClusterResponseCodeStats", () => {
  it("splits internal from external and adds canary", () => {
    const store = new StatsStore(new StatSlab());
    const stats = new ClusterResponseCodeStats(store.root.scope("cluster.a"));
    stats.count(200, INTERNAL_REQUEST);
    stats.count(200, CANARY_HOST);
    stats.count(200, INTERNAL_REQUEST | CANARY_HOST);
    stats.recordTime(12, CANARY_HOST);
    const values = counted(store.slab);
    assert.equal(values["cluster.a.upstream_rq_200"], 3);
    assert.equal(values["cluster.a.internal.upstream_rq_200"], 2);
    assert.equal(values["cluster.a.external.upstream_rq_200"], 1);
    assert.equal(values["cluster.a.canary.upstream_rq_200"], 2);
    for (const category of ["", "external.", "canary."]) {
      assert.equal(values[`cluster.a.${category}upstream_rq_time`], 1);
    }
    assert.equal(values["cluster.a.internal.upstream_rq_time"], undefined);
  });

  it("counts zone pairs and retried codes under their prefixes", () => {
    const store = new StatsStore(new StatSlab());
    const stats = new ClusterResponseCodeStats(store.root.scope("cluster.a"));
    stats.zone("a", "b").count(200);
    assert.equal(stats.zone("a", "b"), stats.zone("a", "b"));
    stats.zone("a.b", "c").count(200);
    stats.countRetried(503);
    const values = counted(store.slab);
    assert.equal(values["cluster.a.zone.a.b.upstream_rq_200"], 1);
    assert.equal(values["cluster.a.zone.a.b.c.upstream_rq_200"], 1);
    assert.equal(values["cluster.a.retry.upstream_rq_503"], 1);
  });
});
