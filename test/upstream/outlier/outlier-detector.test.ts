import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import { MonitorResult } from "../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { createOutlierDetector } from "../../../src/upstream/outlier/create-outlier-detector.ts";
import { OutlierDetector } from "../../../src/upstream/outlier/outlier-detector.ts";
import { reclaimDataPlane } from "../../../src/upstream/upstream-services.ts";
import { OutlierBench, seconds } from "./outlier-fixture.ts";

const ALL = { maxEjectionPercent: 100 };
/** One interval, however late its timer is. */
const INTERVAL_MS = 10_200;

/** Any runtime values. */
function runtimeOf(values: Readonly<Record<string, number>>): typeof DEFAULT_RUNTIME {
  return {
    ...DEFAULT_RUNTIME,
    getInteger: (key, value) => values[key] ?? value,
    featureEnabled: (key, numerator, denominator, random) =>
      random % denominator < (values[key] ?? numerator),
  };
}

for (const planes of [1, 2]) {
  /** The data plane that sees the n-th event. */
  const turn = (event: number): number => event % planes;
  const fail = (bench: OutlierBench, port: number, status: number, count: number): void => {
    for (let event = 0; event < count; event++) bench.answers(port, status, 1, turn(event));
  };

  describe(`OutlierDetector on ${planes} data plane${planes > 1 ? "s" : ""}`, () => {
    it("ejects after five failures in a row, and nobody chooses the host", () => {
      const bench = new OutlierBench({}, { planes });
      fail(bench, 3, 500, 4);
      assert.equal(bench.ejected(3), false);
      bench.answers(3, 500, 1, turn(4));
      assert.deepEqual(bench.out(), [3]);
      assert.equal(bench.stat("ejections_detected_consecutive_5xx"), 1);
      assert.equal(bench.stat("ejections_enforced_consecutive_5xx"), 1);
      assert.equal(bench.stat("ejections_enforced_total"), 1);
      assert.equal(bench.stat("ejections_total"), 1);
      assert.equal(bench.stat("ejections_consecutive_5xx"), 1);
      assert.equal(bench.active(), 1);
      for (let plane = 0; plane < planes; plane++) {
        for (let pick = 0; pick < 40; pick++) {
          const host = bench.cluster(plane).chooseHost(EMPTY_CONTEXT);
          assert.notEqual(host?.description.address.port, 3);
        }
      }
      bench.close();
    });

    it("begins anew after a success", () => {
      const bench = new OutlierBench({}, { planes });
      fail(bench, 1, 500, 4);
      bench.answers(1, 404, 1, turn(1));
      fail(bench, 1, 500, 4);
      assert.deepEqual(bench.out(), []);
      bench.close();
    });

    it("ejects nobody of three hosts with the default percentage", () => {
      const bench = new OutlierBench({}, { planes, hosts: 3 });
      fail(bench, 1, 500, 5);
      assert.deepEqual(bench.out(), []);
      assert.equal(bench.stat("ejections_overflow"), 1);
      assert.equal(bench.stat("ejections_detected_consecutive_5xx"), 1);
      assert.equal(bench.stat("ejections_total"), 0);
      bench.close();
    });

    it("ejects one of three all the same when it must", () => {
      const bench = new OutlierBench({ alwaysEjectOneHost: true }, { planes, hosts: 3 });
      fail(bench, 1, 500, 5);
      fail(bench, 2, 500, 5);
      assert.deepEqual(bench.out(), [1]);
      assert.equal(bench.stat("ejections_overflow"), 1);
      bench.close();
    });

    it("never ejects more of the cluster than max_ejection_percent", () => {
      const bench = new OutlierBench({ maxEjectionPercent: 30 }, { planes });
      for (const port of bench.ports()) fail(bench, port, 500, 5);
      assert.equal(bench.out().length, 3);
      assert.equal(bench.active(), 3);
      assert.equal(bench.stat("ejections_overflow"), 7);
      bench.close();
    });

    it("ejects a host for 30, 60, 90 s and so on up to 300 s when it fails at once again", () => {
      const bench = new OutlierBench({}, { planes });
      const times: number[] = [];
      for (let round = 0; round < 12; round++) {
        fail(bench, 1, 500, 5);
        assert.equal(bench.ejected(1), true, `round ${round}`);
        const start = bench.time.monotonicMs();
        while (bench.ejected(1)) bench.pass(100);
        times.push(bench.time.monotonicMs() - start);
      }
      const whole = times.map((ms) => Math.floor(ms / 10_000) * 10);
      assert.deepEqual(whole.slice(0, 3), [30, 60, 90]);
      for (let round = 0; round < 12; round++) {
        const expected = Math.min(30 * (round + 1), 300) * 1000;
        const late = times[round]! - expected;
        assert.ok(late >= 0 && late < 11_000, `round ${round}: ${times[round]} for ${expected}`);
      }
      assert.equal(bench.active(), 0);
      bench.close();
    });

    it("forgives with every interval that a host stays in", () => {
      const bench = new OutlierBench(
        { baseEjectionTime: seconds(10), interval: seconds(10) },
        { planes },
      );
      const ejectionMs = (): number => {
        fail(bench, 1, 500, 5);
        const start = bench.time.monotonicMs();
        while (bench.ejected(1)) bench.pass(100);
        return bench.time.monotonicMs() - start;
      };
      ejectionMs();
      ejectionMs();
      assert.ok(ejectionMs() >= 30_000);
      // Three intervals take the three back-offs away.
      bench.pass(4 * INTERVAL_MS);
      assert.ok(ejectionMs() < 21_000);
      bench.close();
    });

    it("counts a row anew after the return", () => {
      const bench = new OutlierBench({}, { planes });
      fail(bench, 1, 500, 5);
      fail(bench, 1, 500, 3);
      while (bench.ejected(1)) bench.pass(1000);
      fail(bench, 1, 500, 4);
      assert.equal(bench.ejected(1), false);
      bench.answers(1, 500);
      assert.equal(bench.ejected(1), true);
      bench.close();
    });

    it("detects gateway failures, and ejects for them only when told to", () => {
      const silent = new OutlierBench({ consecutive5xx: 100 }, { planes });
      fail(silent, 1, 502, 5);
      assert.deepEqual(silent.out(), []);
      assert.equal(silent.stat("ejections_detected_consecutive_gateway_failure"), 1);
      assert.equal(silent.stat("ejections_enforced_consecutive_gateway_failure"), 0);
      assert.equal(silent.stat("ejections_total"), 0);
      fail(silent, 1, 504, 5);
      assert.equal(silent.stat("ejections_detected_consecutive_gateway_failure"), 2);
      silent.close();
      const strict = new OutlierBench(
        { consecutive5xx: 100, enforcingConsecutiveGatewayFailure: 100 },
        { planes },
      );
      fail(strict, 1, 500, 9);
      assert.deepEqual(strict.out(), []);
      fail(strict, 1, 503, 5);
      assert.deepEqual(strict.out(), [1]);
      strict.close();
    });

    it("ejects for local failures when origins are split", () => {
      const bench = new OutlierBench({ splitExternalLocalOriginErrors: true }, { planes });
      for (let event = 0; event < 5; event++) {
        bench.results(2, MonitorResult.LocalOriginConnectFailed, 1, turn(event));
      }
      assert.deepEqual(bench.out(), [2]);
      assert.equal(bench.stat("ejections_enforced_consecutive_local_origin_failure"), 1);
      assert.equal(bench.stat("ejections_total"), 0);
      bench.close();
    });

    it("ejects the host of five whose success rate is 40 %", () => {
      const bench = new OutlierBench(
        { consecutive5xx: 1000, maxEjectionPercent: 20 },
        { planes, hosts: 5 },
      );
      for (const port of [1, 2, 3, 4]) fail(bench, port, 200, 100);
      fail(bench, 5, 200, 40);
      fail(bench, 5, 500, 60);
      bench.pass(INTERVAL_MS);
      assert.deepEqual(bench.out(), [5]);
      const rates = bench.cluster().successRates()!;
      assert.equal(rates.average, 88);
      assert.ok(Math.abs(rates.threshold - 42.4) < 1e-9);
      assert.equal(rates.localAverage, -1);
      assert.equal(bench.stat("ejections_success_rate"), 1);
      assert.equal(bench.stat("ejections_enforced_success_rate"), 1);
      assert.equal(bench.stat("ejections_total"), 1);
      const [status] = bench.planes[0]!.manager.describe();
      assert.deepEqual(
        status?.hosts.map((host) => host.successRate),
        [100, 100, 100, 100, 40],
      );
      bench.pass(INTERVAL_MS);
      assert.equal(bench.cluster().successRates()!.average, -1);
      bench.close();
    });

    it("wants enough requests and enough hosts for a success rate", () => {
      const bench = new OutlierBench({ consecutive5xx: 1000, ...ALL }, { planes, hosts: 5 });
      for (const port of [1, 2, 3, 4]) fail(bench, port, 200, 100);
      fail(bench, 5, 500, 99);
      bench.pass(INTERVAL_MS);
      assert.equal(bench.stat("ejections_detected_success_rate"), 0);
      assert.equal(bench.cluster().successRates()!.average, -1);
      bench.close();
    });

    it("compares local origins apart", () => {
      const bench = new OutlierBench(
        {
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: 1000,
          successRateRequestVolume: 10,
          ...ALL,
        },
        { planes, hosts: 5 },
      );
      for (const port of [1, 2, 3, 4]) {
        bench.results(port, MonitorResult.LocalOriginConnectSuccess, 10, turn(port));
      }
      bench.results(5, MonitorResult.LocalOriginTimeout, 10, turn(1));
      bench.pass(INTERVAL_MS);
      assert.deepEqual(bench.out(), [5]);
      assert.equal(bench.stat("ejections_enforced_local_origin_success_rate"), 1);
      assert.equal(bench.stat("ejections_success_rate"), 1);
      assert.equal(bench.cluster().successRates()!.average, -1);
      assert.equal(bench.cluster().successRates()!.localAverage, 80);
      bench.close();
    });

    it("ejects by percentage of failures", () => {
      const detection = { consecutive5xx: 1000, enforcingSuccessRate: 0, ...ALL };
      const silent = new OutlierBench(detection, { planes, hosts: 5 });
      const strict = new OutlierBench(
        { ...detection, enforcingFailurePercentage: 100 },
        { planes, hosts: 5 },
      );
      for (const bench of [silent, strict]) {
        for (const port of [1, 2, 3]) fail(bench, port, 200, 50);
        fail(bench, 4, 200, 7);
        fail(bench, 4, 500, 43);
        fail(bench, 5, 200, 8);
        fail(bench, 5, 500, 42);
        bench.pass(INTERVAL_MS);
        assert.equal(bench.stat("ejections_detected_failure_percentage"), 1);
      }
      // 84 % is not enough, 86 % is.
      assert.deepEqual([silent.out(), strict.out()], [[], [4]]);
      silent.close();
      strict.close();
    });

    it("ejects a host once that two detectors find in one interval", () => {
      const bench = new OutlierBench(
        {
          consecutive5xx: 1000,
          successRateMinimumHosts: 2,
          successRateStdevFactor: 500,
          successRateRequestVolume: 10,
          failurePercentageMinimumHosts: 2,
          failurePercentageRequestVolume: 10,
          enforcingFailurePercentage: 100,
          ...ALL,
        },
        { planes, hosts: 2 },
      );
      fail(bench, 1, 200, 10);
      fail(bench, 2, 500, 10);
      bench.pass(INTERVAL_MS);
      assert.equal(bench.stat("ejections_detected_success_rate"), 1);
      assert.equal(bench.stat("ejections_detected_failure_percentage"), 1);
      assert.equal(bench.stat("ejections_enforced_total"), 1);
      assert.equal(bench.active(), 1);
      bench.pass(60_000);
      assert.equal(bench.active(), 0);
      bench.close();
    });

    it("throws dice for the percentage that is enforced", () => {
      let enforced = 0;
      for (let seed = 1; seed <= 200; seed++) {
        const bench = new OutlierBench({ enforcingConsecutive5xx: 30 }, { planes, seed });
        fail(bench, 1, 500, 5);
        enforced += bench.out().length;
        assert.equal(bench.stat("ejections_detected_consecutive_5xx"), 1);
        assert.equal(bench.stat("ejections_total"), 1);
        bench.close();
      }
      assert.ok(enforced > 35 && enforced < 90, `${enforced} of 200`);
    });

    it("lets an active health check end an ejection, unless told not to", () => {
      for (const allowed of [true, false]) {
        const bench = new OutlierBench(
          { successfulActiveHealthCheckUnejectHost: allowed },
          { planes },
        );
        fail(bench, 1, 500, 5);
        bench.monitor(1, planes - 1).onActiveHealthCheckSuccess();
        assert.equal(bench.ejected(1), !allowed);
        assert.equal(bench.active(), allowed ? 0 : 1);
        bench.close();
      }
    });

    it("gives the place of a removed host free, and starts anew when it returns", () => {
      const bench = new OutlierBench({}, { planes });
      fail(bench, 1, 500, 5);
      const old = bench.monitor(1);
      const others = bench.ports().slice(1);
      for (let plane = 0; plane < planes; plane++) {
        const cluster = bench.cluster(plane);
        const { hosts } = bench.planes[plane]!.manager.describe()[0]!;
        const descriptions = hosts.map((host) => host.description);
        const membership = {
          hosts: descriptions.filter((one) => others.includes(one.address.port)),
          localityWeights: new Map<string, number>(),
          overprovisioningFactor: 140,
          weightedPriorityHealth: false,
        };
        cluster.onMembership(membership);
        assert.equal(bench.active(), 0);
        for (let event = 0; event < 9; event++) old.onHttpStatus(500);
        cluster.onMembership({ ...membership, hosts: descriptions });
      }
      assert.deepEqual(bench.out(), []);
      fail(bench, 1, 500, 4);
      assert.deepEqual(bench.out(), []);
      bench.answers(1, 500);
      assert.deepEqual(bench.out(), [1]);
      assert.equal(bench.active(), 1);
      bench.close();
    });

    it("obeys runtime at once", () => {
      const values: Record<string, number> = {};
      const bench = new OutlierBench({}, { planes, runtime: runtimeOf(values) });
      values["outlier_detection.consecutive_5xx"] = 2;
      values["outlier_detection.max_ejection_percent"] = 100;
      for (const plane of bench.planes) plane.manager.refresh();
      fail(bench, 1, 500, 2);
      fail(bench, 2, 500, 2);
      assert.deepEqual(bench.out(), [1, 2]);
      values["outlier_detection.enforcing_consecutive_5xx"] = 0;
      fail(bench, 3, 500, 2);
      assert.deepEqual(bench.out(), [1, 2]);
      values["outlier_detection.base_ejection_time_ms"] = 1;
      for (const plane of bench.planes) plane.manager.refresh();
      bench.pass(INTERVAL_MS);
      assert.deepEqual(bench.out(), []);
      bench.close();
    });

    it("adds jitter to the ejection", () => {
      const times = new Set<number>();
      for (let seed = 1; seed <= 5; seed++) {
        const bench = new OutlierBench(
          { interval: seconds(1), maxEjectionTimeJitter: seconds(100) },
          { planes, seed },
        );
        fail(bench, 1, 500, 5);
        const start = bench.time.monotonicMs();
        while (bench.ejected(1)) bench.pass(500);
        const lastedMs = bench.time.monotonicMs() - start;
        assert.ok(lastedMs >= 30_000 && lastedMs < 132_000, `${lastedMs}`);
        times.add(lastedMs);
        bench.close();
      }
      assert.ok(times.size > 2);
    });

    it("writes an event for each decision", () => {
      const bench = new OutlierBench({ consecutive5xx: 6 }, { planes });
      fail(bench, 4, 503, 6);
      while (bench.ejected(4)) bench.pass(1000);
      fail(bench, 4, 503, 6);
      const [noticed, ejected, returned, , again] = bench.events;
      assert.deepEqual(noticed, {
        type: "CONSECUTIVE_GATEWAY_FAILURE",
        timestamp: "2024-01-01T00:00:00Z",
        cluster_name: "c",
        upstream_url: "127.0.0.1:4",
        action: "EJECT",
        num_ejections: 0,
        enforced: false,
        eject_consecutive_event: {},
      });
      assert.equal(ejected?.["type"], "CONSECUTIVE_5XX");
      assert.equal(ejected?.["enforced"], true);
      assert.equal(ejected?.["num_ejections"], 1);
      assert.equal(returned?.["action"], "UNEJECT");
      assert.equal(returned?.["type"], "CONSECUTIVE_5XX");
      assert.equal(returned?.["enforced"], false);
      assert.ok(Number(returned?.["secs_since_last_action"]) >= 30);
      assert.equal(again?.["num_ejections"], 2);
      assert.equal(again?.["secs_since_last_action"], "0");
      bench.close();
    });
  });
}

describe("OutlierDetector", () => {
  it("is made where there is a slot for the cluster", () => {
    const bench = new OutlierBench({});
    const { services, store } = bench.planes[0]!;
    const { config } = bench.cluster();
    const scopes = { own: store.root.scope("one"), shared: store.root.scope("one") };
    const slot = services.slots.health.acquire("another cluster");
    const made = createOutlierDetector(config, services, slot, scopes);
    assert.ok(made instanceof OutlierDetector);
    made.close();
    slot.release();
    assert.equal(createOutlierDetector(config, services, slot, scopes), null);
    assert.equal(createOutlierDetector(config, services, null, scopes), null);
    const without = { ...config, outlierDetection: null };
    assert.equal(createOutlierDetector(without, services, slot, scopes), null);
    bench.close();
  });

  it("writes what success rates it compared", () => {
    const bench = new OutlierBench(
      { consecutive5xx: 1000, enforcingFailurePercentage: 100, enforcingSuccessRate: 0, ...ALL },
      { hosts: 5 },
    );
    for (const port of [1, 2, 3, 4]) bench.answers(port, 200, 100);
    bench.answers(5, 200, 10);
    bench.answers(5, 500, 90);
    bench.pass(INTERVAL_MS);
    assert.deepEqual(
      bench.events.map((event) => [event["type"], event["enforced"]]),
      [
        ["SUCCESS_RATE", false],
        ["FAILURE_PERCENTAGE", true],
      ],
    );
    const rates = bench.events[0]?.["eject_success_rate_event"] as Record<string, number>;
    assert.equal(rates["host_success_rate"], 10);
    assert.equal(rates["cluster_average_success_rate"], 82);
    assert.ok(Math.abs(rates["cluster_success_rate_ejection_threshold"]! - 13.6) < 1e-9);
    assert.deepEqual(bench.events[1]?.["eject_failure_percentage_event"], {
      host_success_rate: 10,
    });
    bench.close();
  });

  it("uses all hosts when all are ejected, as panic wants it", () => {
    const bench = new OutlierBench(ALL, { hosts: 3 });
    for (const port of bench.ports()) bench.answers(port, 500, 5);
    assert.deepEqual(bench.out(), [1, 2, 3]);
    const ports = new Set<number | undefined>();
    for (let pick = 0; pick < 30; pick++) {
      ports.add(bench.cluster().chooseHost(EMPTY_CONTEXT)?.description.address.port);
    }
    assert.deepEqual(ports, new Set([1, 2, 3]));
    assert.equal(bench.planes[0]!.stat("cluster.c.lb_healthy_panic"), 30);
    bench.close();
  });

  it("lets hosts of a dead data plane return under its successor", () => {
    const bench = new OutlierBench({}, { planes: 2 });
    bench.answers(1, 500, 5, 1);
    // The leader dies without a word; another takes its number.
    reclaimDataPlane(bench.state, 0);
    bench.planes[0] = bench.startPlane(0);
    assert.equal(bench.ejected(1), true);
    assert.equal(bench.active(), 1);
    const start = bench.time.monotonicMs();
    while (bench.ejected(1)) bench.pass(100);
    assert.ok(bench.time.monotonicMs() - start >= 30_000);
    assert.equal(bench.active(), 0);
  });

  it("goes on after a data plane died in the middle of a decision", () => {
    const bench = new OutlierBench({}, { planes: 2 });
    const { health } = bench.planes[1]!.services.slots;
    const cluster = bench.cluster(1);
    const key = `c\n${cluster.config.identity}`;
    const slot = health.acquire(key);
    slot.store(9, 2);
    reclaimDataPlane(bench.state, 1);
    bench.answers(1, 500, 5, 0);
    assert.deepEqual(bench.out(), [1]);
  });
});
