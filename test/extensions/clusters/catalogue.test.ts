import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clusterFactories } from "../../../src/extensions/clusters/catalogue.ts";
import { loadBalancerFactories } from "../../../src/extensions/load-balancers/catalogue.ts";
import { idleDnsCaches } from "../../upstream/upstream-fixture.ts";

describe("the catalogues of clusters and load balancers", () => {
  it("name nothing twice", () => {
    const clusters = clusterFactories({ dnsCaches: idleDnsCaches() });
    const balancers = loadBalancerFactories();
    for (const words of [
      clusters.map((one) => one.name),
      clusters.map((one) => one.type).filter(Boolean),
      balancers.map((one) => one.name),
      balancers.map((one) => one.lbPolicy).filter(Boolean),
      balancers.map((one) => one.messageType),
    ]) {
      assert.deepEqual([...new Set(words)], words);
    }
  });

  it("hold what the proxy promises today", () => {
    assert.deepEqual(
      clusterFactories({ dnsCaches: idleDnsCaches() }).flatMap((one) =>
        one.type === "" ? [] : [one.type],
      ),
      ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"],
    );
    assert.deepEqual(
      loadBalancerFactories()
        .map((one) => one.lbPolicy)
        .filter(Boolean),
      ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV", "CLUSTER_PROVIDED"],
    );
  });
});
