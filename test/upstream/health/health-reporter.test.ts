import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { CheckState } from "../../../src/upstream/health/check-state.ts";
import { HealthReporter } from "../../../src/upstream/health/health-reporter.ts";
import { HostWord } from "../../../src/upstream/health-slots.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import { CheckedCluster } from "./checked-cluster.ts";

const A = "192.0.2.1";

describe("HealthReporter", () => {
  let checked: CheckedCluster;

  afterEach(() => checked.close());

  it("stands for the checks on a data plane that does none", async () => {
    checked = await new CheckedCluster(2).serve(A);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    assert.ok(checked.host(A, 1).healthMonitor instanceof HealthReporter);
    assert.ok(!(checked.host(A, 0).healthMonitor instanceof HealthReporter));
  });

  it("fails and excludes the host for all, and leaves a report", async () => {
    checked = await new CheckedCluster(2).serve(A);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    checked.host(A, 1).healthMonitor?.onImmediateHealthCheckFail();
    const { ExcludedByImmediateHealthCheckFail, FailedActiveHealthCheck } = HealthFlag;
    assert.equal(
      checked.host(A, 0).healthFlags(),
      ExcludedByImmediateHealthCheckFail | FailedActiveHealthCheck,
    );
    assert.equal(checked.host(A, 0).health?.load(HostWord.CheckState), CheckState.Reported);
  });
});
