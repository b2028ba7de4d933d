import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ClusterWord,
  createHealthSlots,
  HealthSlots,
  HostCell,
  HostFact,
  HostWord,
  reclaimHealthSlots,
} from "../../src/upstream/health-slots.ts";

describe("HealthSlots", () => {
  it("shares words and facts, and sums what each data plane counts", () => {
    const handle = createHealthSlots(2);
    const one = new HealthSlots(handle, 0).acquire("host");
    const two = new HealthSlots(handle, 1).acquire("host");
    assert.equal(one.add(HostWord.Consecutive5xx, 1), 1);
    assert.equal(two.add(HostWord.Consecutive5xx, 1), 2);
    assert.equal(one.exchange(HostWord.Ejected, 0, 1), true);
    assert.equal(two.exchange(HostWord.Ejected, 0, 1), false);
    two.setFact(HostFact.EjectedAtMs, 12.5);
    assert.equal(one.fact(HostFact.EjectedAtMs), 12.5);
    one.count(HostCell.ExternalSuccess);
    two.count(HostCell.ExternalSuccess);
    two.count(HostCell.ExternalFailure);
    assert.equal(one.sum(HostCell.ExternalSuccess), 2);
    assert.equal(one.sum(HostCell.ExternalFailure), 1);
  });

  it("survives a data plane as long as another holds it, and starts from zero later", () => {
    const handle = createHealthSlots(2);
    const one = new HealthSlots(handle, 0).acquire("host");
    const two = new HealthSlots(handle, 1).acquire("host");
    one.store(HostWord.EjectionBackoff, 3);
    one.release();
    assert.equal(two.load(HostWord.EjectionBackoff), 3);
    two.release();
    assert.equal(two.held, false);
    assert.equal(new HealthSlots(handle, 0).acquire("host").load(HostWord.EjectionBackoff), 0);
  });

  it("lets go of the decisions of a data plane that died, not of those of others", () => {
    const handle = createHealthSlots(2);
    const one = new HealthSlots(handle, 0).acquire("cluster a");
    const two = new HealthSlots(handle, 1).acquire("cluster b");
    one.store(ClusterWord.Decider, 1);
    two.store(ClusterWord.Decider, 2);
    reclaimHealthSlots(handle, 1);
    assert.equal(one.load(ClusterWord.Decider), 1);
    assert.equal(two.load(ClusterWord.Decider), 0);
  });
});
