import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clusterProvided } from "../../src/upstream/cluster-provided.ts";
import { compileWith, staticMessage } from "./upstream-fixture.ts";

describe("cluster_provided", () => {
  it("is refused for a cluster that brings no load balancer", () => {
    const { config, context } = compileWith(staticMessage([80], { lbPolicy: "CLUSTER_PROVIDED" }));
    assert.equal(config, null);
    const [problem] = context.diagnostics;
    assert.equal(problem!.path, "lb_policy");
    assert.match(problem!.message, /cluster provided LB specified but cluster 'c'/);
  });

  it("is refused by its typed form just so", () => {
    const type = clusterProvided.messageType;
    const typedConfig = { typeUrl: `type.googleapis.com/${type}`, value: {} };
    const policies = [{ typedExtensionConfig: { name: "provided", typedConfig } }];
    const { config, context } = compileWith(
      staticMessage([80], { loadBalancingPolicy: { policies } }),
    );
    assert.equal(config, null);
    assert.equal(context.diagnostics[0]!.path, "load_balancing_policy");
  });
});
