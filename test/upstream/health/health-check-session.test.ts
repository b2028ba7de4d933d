import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { HealthCheckConfig } from "../../../src/upstream/health/health-check-config.ts";
import type { HealthTransition } from "../../../src/upstream/health/health-check-interval.ts";
import { HealthChecker } from "../../../src/upstream/health/health-checker.ts";
import type { HealthEvent } from "../../../src/upstream/health/health-events.ts";
import type {
  HealthProbe,
  HealthProbeListener,
} from "../../../src/upstream/health/health-probe.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import type { RuntimeCluster } from "../../../src/upstream/runtime-cluster.ts";
import type { UpstreamHost } from "../../../src/upstream/upstream-host.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import { staticMessage, type UpstreamFixture, upstreamFixture } from "../upstream-fixture.ts";

const TIMEOUT_MS = 500;
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [HealthFlag.FailedActiveHealthCheck, "failed"],
  [HealthFlag.DegradedActiveHealthCheck, "degraded"],
  [HealthFlag.PendingActiveHealthCheck, "pending"],
  [HealthFlag.ExcludedByImmediateHealthCheckFail, "excluded"],
  [HealthFlag.ActiveHealthCheckTimeout, "timeout"],
];

/** A probe whose checks end when the test says so. */
class HandProbe implements HealthProbe {
  checks = 0;
  givenUp = 0;
  /** A check is under way. */
  busy = false;
  closed = false;
  readonly listener: HealthProbeListener;

  constructor(listener: HealthProbeListener) {
    this.listener = listener;
  }

  check(): void {
    this.checks++;
    this.busy = true;
  }

  giveUp(): void {
    this.givenUp++;
    this.busy = false;
  }

  close(): void {
    this.closed = true;
  }
}

/** One host under checks that the test answers. */
class Bench {
  readonly fixture: UpstreamFixture = upstreamFixture();
  readonly host: UpstreamHost;
  readonly events: HealthEvent[] = [];
  readonly transitions: HealthTransition[] = [];
  readonly checker: HealthChecker;
  probe!: HandProbe;

  constructor(more: Partial<HealthCheckConfig> = {}, firstFlags: number = FAILED) {
    const { fixture } = this;
    fixture.add(staticMessage([1000], { outlierDetection: {} }));
    const cluster = fixture.cluster("c") as RuntimeCluster;
    this.host = cluster.hostSets[0]!.hosts[0] as UpstreamHost;
    if (firstFlags !== 0) this.host.setHealthFlag(firstFlags);
    this.checker = new HealthChecker({
      config: { ...CONFIG, ...this.recorder(), ...more },
      cluster: cluster.info,
      scope: fixture.store.root.scope("cluster.c"),
      services: fixture.services,
      usedBefore: () => true,
      onHostChecked: (_host, transition) => void this.transitions.push(transition),
    });
  }

  start(): this {
    this.checker.add(this.host);
    return this;
  }

  /** Plays results, each after the check before it began: words of `RESULTS`. */
  play(...results: readonly string[]): this {
    for (const result of results) {
      for (let ms = 0; !this.probe.busy && ms < 12_000; ms += 20) this.fixture.time.run(20);
      assert.ok(this.probe.busy, "no check began");
      this.probe.busy = result === "passive";
      const { listener } = this.probe;
      this.fixture.dispatcher.runEvent(() => answer(listener, this, result));
    }
    return this;
  }

  flags(): string {
    const flags = this.host.healthFlags();
    return FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0)
      .map(([, name]) => name)
      .join(" ");
  }

  log(): string[] {
    return this.events.map(({ detail }) => {
      const { kind, ...rest } = detail;
      return [kind, ...Object.values(rest)].join(" ");
    });
  }

  stat(name: string): number {
    return this.fixture.stat(`cluster.c.health_check.${name}`);
  }

  async close(): Promise<void> {
    this.checker.close();
    const { manager, time, network, dispatcher } = this.fixture;
    manager.close(() => undefined);
    await assertNoLeaks({ time, network, dispatchers: [dispatcher] });
  }

  private recorder(): Pick<HealthCheckConfig, "probe" | "sinks"> {
    return {
      probe: {
        kind: "HTTP",
        create: (_target, _services, listener) => {
          this.probe = new HandProbe(listener);
          return this.probe;
        },
      },
      sinks: [{ open: () => ({ log: (event) => void this.events.push(event) }) }],
    };
  }
}

const FAILED = HealthFlag.FailedActiveHealthCheck;

const CONFIG: Omit<HealthCheckConfig, "probe" | "sinks"> = {
  timeoutMs: TIMEOUT_MS,
  intervals: {
    intervalMs: 9000,
    noTrafficMs: 9000,
    noTrafficHealthyMs: 9000,
    unhealthyMs: 9000,
    unhealthyEdgeMs: 9000,
    healthyEdgeMs: 9000,
    initialJitterMs: 0,
    jitterMs: 0,
    jitterPercent: 0,
  },
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  reuseConnection: true,
  ignoresNewHosts: false,
  ignoresHealthOnRemoval: false,
  alwaysLogFailures: false,
  alwaysLogSuccess: false,
};

function answer(listener: HealthProbeListener, bench: Bench, result: string): void {
  if (result === "ok") listener.onCheckPassed(false);
  else if (result === "degraded") listener.onCheckPassed(true);
  else if (result === "bad") listener.onCheckFailed("ACTIVE", false);
  else if (result === "retriable") listener.onCheckFailed("ACTIVE", true);
  else if (result === "network") listener.onCheckFailed("NETWORK", false);
  else if (result === "passive") bench.host.healthMonitor?.onImmediateHealthCheckFail();
  else assert.fail(result);
}

describe("HealthCheckSession", () => {
  let bench: Bench;

  afterEach(() => bench.close());

  /** Results, then the flags and the log they leave. Semantics §10.13 and §4.10. */
  const histories: readonly (readonly [
    name: string,
    results: readonly string[],
    flags: string,
    log: readonly string[],
  ])[] = [
    ["a new host is failed until its first check", [], "failed", []],
    ["the first success admits at once", ["ok"], "", ["add_healthy true"]],
    ["the first failure leaves it failed", ["bad"], "failed", ["failure ACTIVE true"]],
    [
      "after a first failure healthy_threshold holds",
      ["network", "ok"],
      "failed",
      ["failure NETWORK true"],
    ],
    [
      "healthy_threshold successes in a row admit",
      ["network", "ok", "ok"],
      "",
      ["failure NETWORK true", "add_healthy false"],
    ],
    [
      "a failure between them starts the count anew",
      ["network", "ok", "network", "ok"],
      "failed",
      ["failure NETWORK true"],
    ],
    [
      "a bad answer fails a healthy host at once",
      ["ok", "bad"],
      "failed",
      ["add_healthy true", "eject_unhealthy ACTIVE"],
    ],
    ["one network failure is tolerated", ["ok", "network"], "", ["add_healthy true"]],
    ["so are two of three", ["ok", "network", "network"], "", ["add_healthy true"]],
    [
      "the third fails it",
      ["ok", "network", "network", "network"],
      "failed",
      ["add_healthy true", "eject_unhealthy NETWORK"],
    ],
    [
      "a success between them starts the count anew",
      ["ok", "network", "network", "ok", "network"],
      "",
      ["add_healthy true"],
    ],
    [
      "retriable statuses count like network failures",
      ["ok", "retriable", "network", "retriable"],
      "failed",
      ["add_healthy true", "eject_unhealthy ACTIVE"],
    ],
    ["a degraded host says so", ["degraded"], "degraded", ["add_healthy true", "degraded"]],
    [
      "and is no longer degraded after a plain success",
      ["degraded", "ok"],
      "",
      ["add_healthy true", "degraded", "no_longer_degraded"],
    ],
    [
      "a degraded host that fails stays marked as degraded",
      ["degraded", "bad"],
      "failed degraded",
      ["add_healthy true", "degraded", "eject_unhealthy ACTIVE"],
    ],
    [
      "a response that says so fails a healthy host and excludes it",
      ["ok", "passive"],
      "failed excluded",
      ["add_healthy true", "eject_unhealthy PASSIVE"],
    ],
    [
      "enough successes bring an excluded host back",
      ["ok", "passive", "ok", "ok"],
      "",
      ["add_healthy true", "eject_unhealthy PASSIVE", "add_healthy false"],
    ],
  ];
  for (const [name, results, flags, log] of histories) {
    it(name, () => {
      bench = new Bench().start().play(...results);
      assert.equal(bench.flags(), flags);
      assert.deepEqual(bench.log(), log);
      const healthy = flags.includes("failed") ? 0 : 1;
      assert.equal(bench.stat("healthy"), healthy);
      assert.equal(bench.stat("degraded"), flags.includes("degraded") ? 1 : 0);
    });
  }

  it("counts attempts, successes and kinds of failure", () => {
    bench = new Bench().start().play("ok", "bad", "network", "passive", "ok");
    assert.deepEqual(
      ["attempt", "success", "failure", "network_failure", "passive_failure"].map((one) =>
        bench.stat(one),
      ),
      [4, 2, 3, 1, 1],
    );
  });

  it("gives a check up after its time-out, and marks a failed host", () => {
    bench = new Bench().start();
    bench.fixture.time.run(TIMEOUT_MS + 20);
    assert.equal(bench.probe.givenUp, 1);
    assert.equal(bench.flags(), "failed timeout");
    bench.play("bad");
    assert.equal(bench.flags(), "failed");
  });

  it("tolerates time-outs of a healthy host up to the threshold, without the mark", () => {
    bench = new Bench().start().play("ok");
    bench.fixture.time.run(9000 + 2 * TIMEOUT_MS);
    assert.equal(bench.flags(), "");
    bench.fixture.time.run(20_000);
    assert.equal(bench.flags(), "failed timeout");
    assert.equal(bench.stat("network_failure"), bench.stat("failure"));
  });

  it("tells what each result changed", () => {
    bench = new Bench().start().play("ok", "ok", "network", "ok", "bad", "ok", "ok");
    assert.deepEqual(bench.transitions, [
      "changed",
      "unchanged",
      "pending",
      "unchanged",
      "changed",
      "pending",
      "changed",
    ]);
  });

  it("takes any first result as a change when the host was excluded until then", () => {
    bench = new Bench({}, FAILED | HealthFlag.PendingActiveHealthCheck).start();
    assert.equal(bench.flags(), "failed pending");
    bench.play("bad");
    assert.equal(bench.flags(), "failed");
    assert.deepEqual(bench.transitions, ["changed"]);
  });

  it("logs every result when asked to", () => {
    bench = new Bench({ alwaysLogFailures: true, alwaysLogSuccess: true }).start();
    bench.play("ok", "ok", "network", "bad");
    assert.deepEqual(bench.log(), [
      "add_healthy true",
      "success",
      "failure NETWORK false",
      "eject_unhealthy ACTIVE",
      "failure ACTIVE false",
    ]);
  });

  it("waits for the initial jitter before the first check", () => {
    const intervals = { ...CONFIG.intervals, initialJitterMs: 100_000 };
    bench = new Bench({ intervals }).start();
    bench.fixture.time.run(0);
    assert.equal(bench.probe.checks, 0);
    bench.fixture.time.run(102_000);
    assert.ok(bench.probe.checks > 0);
  });

  it("says nothing more once its host is gone", () => {
    bench = new Bench().start().play("ok");
    const { listener } = bench.probe;
    assert.equal(bench.checker.remove(bench.host), true);
    assert.equal(bench.probe.closed, true);
    listener.onCheckFailed("ACTIVE", false);
    listener.onCheckPassed(false);
    assert.equal(bench.flags(), "");
    assert.equal(bench.stat("healthy"), 0);
    assert.equal(bench.host.healthMonitor, null);
  });

  it("goes on from the state that an earlier data plane left", () => {
    bench = new Bench().start().play("ok", "network", "network");
    bench.checker.close();
    bench.checker.add(bench.host);
    bench.play("network");
    assert.equal(bench.flags(), "failed");
    assert.deepEqual(bench.log().at(-1), "eject_unhealthy NETWORK");
  });
});
