import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HealthStatus } from "../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../src/upstream/load-balancer.ts";
import { RuntimeCluster } from "../../src/upstream/runtime-cluster.ts";
import { staticMessage, upstreamFixture } from "./upstream-fixture.ts";

function cluster(healthStatus: HealthStatus, statuses?: HealthStatus[]): RuntimeCluster {
  const message = staticMessage([1, 2]);
  message.loadAssignment!.endpoints![0]!.lbEndpoints![1]!.healthStatus = healthStatus;
  if (statuses !== undefined) message.commonLbConfig = { overrideHostStatus: { statuses } };
  const fixture = upstreamFixture();
  fixture.add(message);
  const found = fixture.cluster("c");
  assert.ok(found instanceof RuntimeCluster);
  return found;
}

function picks(from: RuntimeCluster, addressText: string, strict: boolean): Set<number | null> {
  const context = { ...EMPTY_CONTEXT, overrideHost: { addressText, strict } };
  const ports = Array.from({ length: 10 }, () => from.chooseHost(context));
  return new Set(ports.map((host) => host?.description.address.port ?? null));
}

describe("the host that a filter asks for", () => {
  it("is chosen while its health allows it", () => {
    for (const status of ["UNKNOWN", "HEALTHY", "DEGRADED"] as const) {
      assert.deepEqual(picks(cluster(status), "127.0.0.1:2", false), new Set([2]), status);
    }
  });

  it("gives way to others when it is unusable or unknown", () => {
    assert.deepEqual(picks(cluster("UNHEALTHY"), "127.0.0.1:2", false), new Set([1]));
    assert.deepEqual(picks(cluster("HEALTHY"), "127.0.0.1:9", false), new Set([1, 2]));
  });

  it("means no host when it is strict, and that is counted", () => {
    const one = cluster("UNHEALTHY");
    assert.deepEqual(picks(one, "127.0.0.1:2", true), new Set([null]));
    assert.equal(one.info.stats.upstreamCxNoneHealthy.value(), 10);
  });

  it("obeys override_host_status", () => {
    const one = cluster("DRAINING", ["DRAINING"]);
    assert.deepEqual(picks(one, "127.0.0.1:2", true), new Set([2]));
    assert.deepEqual(picks(one, "127.0.0.1:1", true), new Set([null]));
    assert.deepEqual(picks(cluster("HEALTHY", []), "127.0.0.1:2", true), new Set([1, 2]));
  });
});
