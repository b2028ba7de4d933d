import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { LatencyTracker } from "../../../src/extensions/load-balancers/peak-ewma/latency-tracker.ts";
import { peakEwma } from "../../../src/extensions/load-balancers/peak-ewma/peak-ewma.ts";
import type { AnyMessage } from "../../../src/proto/plain.ts";
import type { Host } from "../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { PolicyCompiler } from "../../../src/upstream/policy-config.ts";
import {
  BalancerBench,
  loadBalancerContract,
  POLICIES,
} from "../../contract/load-balancer/load-balancer-suite.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";

loadBalancerContract(peakEwma);

function head(status: number): ResponseHeaderMap {
  const headers = new ResponseHeaderMap();
  headers.status = status;
  return headers;
}

interface Answer {
  readonly host: Host;
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: "answered" | "failed";
}

/** How a host answers at a moment: after how long, or that it fails. */
type Behaviour = (port: number, nowMs: number) => number | "fails";

/** A fixed rate of requests over hosts that behave as told, on simulated time. */
class Traffic {
  readonly bench: BalancerBench;
  readonly latencies: number[] = [];
  /** Of the whole run. */
  readonly chosen = new Map<number, number>();
  failures = 0;
  private readonly behaviour: Behaviour;
  private pending: Answer[] = [];
  nowMs = 0;

  constructor(hosts: number, behaviour: Behaviour, seed = 1) {
    const policy = peakEwma.compile({}, new CompileContext(), POLICIES)!;
    this.bench = new BalancerBench(policy, seed);
    this.bench.set(Array.from({ length: hosts }, (_, index) => ({ port: index + 1 })));
    this.behaviour = behaviour;
  }

  async run(seconds: number, rate: number): Promise<this> {
    const stepMs = 1000 / rate;
    for (let request = 0; request < seconds * rate; request++) {
      await this.bench.time.advance(stepMs);
      this.nowMs += stepMs;
      this.settle();
      this.send();
    }
    return this;
  }

  /** Share of all requests that a host got. */
  share(port: number): number {
    let all = 0;
    for (const [, count] of this.chosen) all += count;
    return (this.chosen.get(port) ?? 0) / all;
  }

  percentile(percent: number): number {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    return sorted[Math.ceil((percent / 100) * sorted.length) - 1]!;
  }

  forget(): void {
    this.latencies.length = 0;
    this.chosen.clear();
  }

  private send(): void {
    const { dispatcher } = this.bench.services;
    dispatcher.runEvent(() => {
      const host = this.bench.balancer.chooseHost(EMPTY_CONTEXT)!;
      const { port } = host.description.address;
      this.chosen.set(port, (this.chosen.get(port) ?? 0) + 1);
      const startMs = dispatcher.nowMs;
      host.feedback!.requestStarted(startMs);
      const does = this.behaviour(port, this.nowMs);
      if (does === "fails") {
        this.failures++;
        host.feedback!.requestEnded(startMs, "failed");
        return;
      }
      this.latencies.push(does);
      this.pending.push({ host, startMs, endMs: startMs + does, outcome: "answered" });
    });
  }

  private settle(): void {
    const { dispatcher } = this.bench.services;
    dispatcher.runEvent(() => {
      const due = this.pending.filter(({ endMs }) => endMs <= dispatcher.nowMs);
      this.pending = this.pending.filter(({ endMs }) => endMs > dispatcher.nowMs);
      for (const { host, startMs } of due) {
        host.feedback!.responseReceived(head(200), dispatcher.nowMs - startMs);
        host.feedback!.requestEnded(startMs, "answered");
      }
    });
  }
}

/** 2 to 6 ms, the same for every host. */
function fast(random: SeededRandom): number {
  return 2 + (random.uint32() % 4000) / 1000;
}

describe("peak EWMA with one slow host of ten", () => {
  for (const rate of [100, 1000]) {
    it(`keeps p99 within 1.1 times that of ten fast hosts, at ${rate} requests a second`, async () => {
      const random = new SeededRandom(5);
      const well = await new Traffic(10, () => fast(random)).run(30, rate);
      const ill = await new Traffic(10, (port) => fast(random) + (port === 7 ? 200 : 0)).run(
        30,
        rate,
      );
      assert.ok(ill.percentile(99) <= 1.1 * well.percentile(99), `${ill.percentile(99)} ms`);
      assert.ok(ill.share(7) <= 0.01, `${ill.share(7)} of all requests`);
      assert.ok(ill.share(7) > 0, "it is tried");
    });
  }

  it("gives it its share again within seconds once it is well", async () => {
    const random = new SeededRandom(6);
    let ill = true;
    const traffic = new Traffic(10, (port) => fast(random) + (ill && port === 7 ? 200 : 0));
    await traffic.run(20, 1000);
    ill = false;
    await traffic.run(5, 1000);
    traffic.forget();
    await traffic.run(5, 1000);
    assert.ok(traffic.share(7) > 0.05, `${traffic.share(7)} of all requests`);
  });

  it("leaves it at once when it turns slow", async () => {
    const random = new SeededRandom(7);
    let ill = false;
    const traffic = new Traffic(10, (port) => (ill && port === 7 ? 60_000 : fast(random)));
    await traffic.run(10, 1000);
    traffic.forget();
    ill = true;
    await traffic.run(20, 1000);
    assert.ok(traffic.share(7) <= 0.005, `${traffic.share(7)} of all requests never answered`);
  });
});

describe("peak EWMA", () => {
  it("is not drawn to a host that fails fast", async () => {
    const random = new SeededRandom(8);
    const traffic = new Traffic(10, (port) => (port === 3 ? "fails" : fast(random)));
    await traffic.run(30, 500);
    assert.ok(traffic.share(3) <= 0.01, `${traffic.share(3)} of all requests`);
  });

  it("takes a 5xx for a failure", () => {
    const traffic = new Traffic(2, () => 1);
    const tracker = traffic.bench.host(1).feedback as LatencyTracker;
    const start = traffic.bench.services.dispatcher.monotonicMs();
    tracker.requestStarted(start);
    tracker.responseReceived(head(503), 1);
    tracker.requestEnded(start, "answered");
    assert.equal(tracker.expectedMs(start), 1000);
  });

  it("spreads over equal hosts evenly", async () => {
    const random = new SeededRandom(9);
    const traffic = await new Traffic(10, () => fast(random)).run(60, 1000);
    for (let port = 1; port <= 10; port++) {
      assert.ok(Math.abs(traffic.share(port) - 0.1) < 0.04, `${port}: ${traffic.share(port)}`);
    }
  });

  it("gives a new host a fair start", async () => {
    const random = new SeededRandom(10);
    const traffic = await new Traffic(4, () => fast(random)).run(10, 1000);
    traffic.bench.set([1, 2, 3, 4, 5].map((port) => ({ port })));
    traffic.forget();
    await traffic.run(5, 1000);
    assert.ok(Math.abs(traffic.share(5) - 0.2) < 0.1, `${traffic.share(5)} of all requests`);
  });

  it("follows weights", async () => {
    const random = new SeededRandom(11);
    const traffic = new Traffic(2, () => fast(random));
    traffic.bench.set([
      { port: 1, weight: 1 },
      { port: 2, weight: 10 },
    ]);
    await traffic.run(20, 2000);
    assert.ok(traffic.share(2) > 0.75, `${traffic.share(2)} of all requests`);
  });

  it("keeps what it knows of a host when others come and go", () => {
    const traffic = new Traffic(3, () => 1);
    const before = traffic.bench.host(1).feedback;
    traffic.bench.set([{ port: 1 }, { port: 9 }]);
    assert.ok(before instanceof LatencyTracker);
    assert.equal(traffic.bench.host(1).feedback, before);
  });

  it("counts a request that was given up as the time it waited, and never as better", async () => {
    const traffic = new Traffic(2, () => 1);
    const { dispatcher } = traffic.bench.services;
    const tracker = traffic.bench.host(1).feedback as LatencyTracker;
    const play = async (ms: number, end: (start: number) => void): Promise<void> => {
      const start = dispatcher.monotonicMs();
      dispatcher.runEvent(() => tracker.requestStarted(start));
      await traffic.bench.time.advance(ms);
      dispatcher.runEvent(() => end(start));
    };
    await play(500, (start) => tracker.requestEnded(start, "cancelled"));
    assert.equal(tracker.expectedMs(dispatcher.monotonicMs()), 500);
    await play(1, (start) => tracker.requestEnded(start, "cancelled"));
    assert.ok(tracker.expectedMs(dispatcher.monotonicMs()) > 499);
    await play(10, (start) => {
      tracker.responseReceived(head(200), 10);
      tracker.requestEnded(start, "broken");
    });
    assert.equal(tracker.outstanding, 0);
  });
});

describe("peak EWMA in a configuration", () => {
  const compiler = new PolicyCompiler([peakEwma], "c");
  const compile = (
    extension: { name: string; typedConfig?: AnyMessage },
    context = new CompileContext(),
  ) => compiler.compile({ policies: [{ typedExtensionConfig: extension }] }, context);
  const struct = (
    value: object,
    typeUrl = "type.googleapis.com/outrigger.load_balancing_policies.peak_ewma",
  ) => ({
    name: "any",
    typedConfig: {
      typeUrl: "type.googleapis.com/xds.type.v3.TypedStruct",
      value: { typeUrl, value },
    },
  });

  it("is named alone, or by a TypedStruct", () => {
    assert.notEqual(compile({ name: "outrigger.load_balancing_policies.peak_ewma" }), null);
    assert.notEqual(compile(struct({ decay_time: "5s", probe_percent: 1 })), null);
    assert.equal(compile({ name: "other" }), null);
    assert.equal(compile(struct({}, "type.googleapis.com/other")), null);
  });

  const wrong: readonly (readonly [string, object, RegExp])[] = [
    ["decay_tme", { decay_tme: "5s" }, /decay_time/],
    ["decay_time", { decay_time: 5 }, /10s/],
    ["failure_penalty", { failure_penalty: "0s" }, /10s/],
    ["probe_interval", { probe_interval: "soon" }, /10s/],
    ["probe_percent", { probe_percent: 101 }, /0\.5/],
    ["probe_percent", { probe_percent: "many" }, /0\.5/],
  ];
  for (const [field, value, remedy] of wrong) {
    it(`is refused with ${JSON.stringify(value)}`, () => {
      const context = new CompileContext();
      assert.equal(compile(struct(value), context), null);
      const [problem] = context.diagnostics;
      assert.equal(problem!.path, `policies[0].typed_extension_config.typed_config.${field}`);
      assert.match(problem!.remedy, remedy);
    });
  }
});
