import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { clientSideWeightedRoundRobin } from "../../../src/extensions/load-balancers/client-side-weighted-round-robin/client-side-weighted-round-robin.ts";
import { weightOf } from "../../../src/extensions/load-balancers/client-side-weighted-round-robin/load-weights.ts";
import {
  maxUtilization,
  readOrcaReport,
} from "../../../src/extensions/load-balancers/client-side-weighted-round-robin/orca-report.ts";
import { wrrLocality } from "../../../src/extensions/load-balancers/wrr-locality/wrr-locality.ts";
import type { ClientSideWeightedRoundRobin } from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3.ts";
import {
  BalancerBench,
  loadBalancerContract,
  POLICIES,
  zone,
} from "../../contract/load-balancer/load-balancer-suite.ts";

loadBalancerContract(clientSideWeightedRoundRobin);

const seconds = (count: number) => ({ seconds: count, nanos: 0 });

function headers(value: string, name = "endpoint-load-metrics"): ResponseHeaderMap {
  const map = new ResponseHeaderMap();
  map.status = 200;
  map.set(headerName(name), value);
  return map;
}

function bench(config: ClientSideWeightedRoundRobin = {}): BalancerBench {
  const policy = clientSideWeightedRoundRobin.compile(config, new CompileContext(), POLICIES)!;
  return new BalancerBench(policy).set([{ port: 1 }, { port: 2 }, { port: 3 }]);
}

/** Host `port` reports so much. */
function report(one: BalancerBench, port: number, rate: number, utilization: number): void {
  const value = `TEXT rps_fractional=${rate},application_utilization=${utilization}`;
  one.host(port).feedback!.responseReceived(headers(value), 1);
}

function shares(one: BalancerBench): (number | undefined)[] {
  const counts = one.count(600);
  return [1, 2, 3].map((port) => counts.get(port));
}

function near(actual: readonly (number | undefined)[], expected: readonly number[]): void {
  expected.forEach((count, index) => {
    assert.ok(Math.abs((actual[index] ?? 0) - count) <= 3, `${actual} is not near ${expected}`);
  });
}

describe("client-side weighted round robin", () => {
  it("takes hosts in turn until they have reported for a while", async () => {
    const one = bench();
    report(one, 1, 100, 0.5);
    await one.time.advance(9000);
    near(shares(one), [200, 200, 200]);
    report(one, 1, 100, 0.5);
    report(one, 2, 100, 1);
    await one.time.advance(2000);
    near(shares(one), [200, 200, 200]);
    await one.time.advance(10_000);
    // 200 and 100; the third is taken for the median, 150.
    near(shares(one), [267, 133, 200]);
    one.balancer.close!();
  });

  it("forgets reports that are too old", async () => {
    const one = bench({ blackoutPeriod: seconds(0), weightExpirationPeriod: seconds(30) });
    report(one, 1, 100, 0.1);
    report(one, 2, 100, 1);
    report(one, 3, 100, 1);
    await one.time.advance(2000);
    near(shares(one), [500, 50, 50]);
    await one.time.advance(40_000);
    near(shares(one), [200, 200, 200]);
    one.balancer.close!();
  });

  it("knows hosts again after an update, and stops looking when it ends", async () => {
    const one = bench({ blackoutPeriod: seconds(0) });
    report(one, 1, 100, 0.1);
    report(one, 2, 100, 1);
    one.set([{ port: 1 }, { port: 2 }]);
    const counts = one.count(110);
    assert.ok(Math.abs((counts.get(1) ?? 0) - 100) <= 2);
    one.balancer.close!();
    assert.equal(one.services.dispatcher.armedTimers, 0);
  });

  it("reads trailers too, and ignores what it cannot read", async () => {
    const one = bench({ blackoutPeriod: seconds(0) });
    one.host(1).feedback!.responseReceived(headers("TEXT cpu=1"), 1);
    one
      .host(1)
      .feedback!.trailersReceived(headers('JSON {"rpsFractional":300,"cpuUtilization":1}'));
    report(one, 2, 100, 1);
    report(one, 3, 100, 1);
    await one.time.advance(2000);
    near(shares(one), [360, 120, 120]);
    one.balancer.close!();
  });

  it("names what it does not do", () => {
    const context = new CompileContext();
    const config = { enableOobLoadReport: true, oobReportingPeriod: seconds(10) };
    clientSideWeightedRoundRobin.compile(config, context, POLICIES);
    assert.deepEqual(
      context.diagnostics.map(({ path }) => path),
      ["enable_oob_load_report", "oob_reporting_period"],
    );
  });
});

describe("wrr_locality", () => {
  const within = (name: string, message: string) => ({
    endpointPickingPolicy: {
      policies: [
        {
          typedExtensionConfig: {
            name,
            typedConfig: {
              typeUrl: `type.googleapis.com/envoy.extensions.load_balancing_policies.${name}.v3.${message}`,
              value: {},
            },
          },
        },
      ],
    },
  });

  it("weighs localities around the policy within", () => {
    const config = within("client_side_weighted_round_robin", "ClientSideWeightedRoundRobin");
    const policy = wrrLocality.compile(config, new CompileContext(), POLICIES)!;
    const one = new BalancerBench(policy).set(
      [
        { port: 1, locality: zone("a") },
        { port: 2, locality: zone("b") },
        { port: 3, locality: zone("b") },
      ],
      50,
      { a: 3, b: 1 },
    );
    near(shares(one), [450, 75, 75]);
    one.balancer.close!();
  });

  it("takes no other policy", () => {
    const context = new CompileContext();
    assert.equal(wrrLocality.compile(within("round_robin", "RoundRobin"), context, POLICIES), null);
    assert.equal(context.diagnostics[0]!.path, "endpoint_picking_policy");
  });
});

describe("a load report", () => {
  const read = (value: string, name?: string) => {
    const found = readOrcaReport(headers(value, name));
    return found === null ? null : Object.fromEntries(found);
  };

  it("is text", () => {
    assert.deepEqual(read("TEXT cpu_utilization=0.3, named_metrics.queue=2,utilization.gpu=0.5"), {
      cpu_utilization: 0.3,
      "named_metrics.queue": 2,
      "utilization.gpu": 0.5,
    });
    for (const bad of [
      "TEXT cpu=1",
      "TEXT eps=x",
      "TEXT eps=1,eps=2",
      "TEXT eps",
      "eps=1",
      "TEXT named_metrics.=1",
    ]) {
      assert.equal(read(bad), null, bad);
    }
  });

  it("is JSON, with names of either kind", () => {
    assert.deepEqual(
      read('JSON {"rpsFractional": 5, "eps": "1", "named_metrics": {"a": 2}, "rps": 7}'),
      {
        rps_fractional: 5,
        eps: 1,
        "named_metrics.a": 2,
      },
    );
    for (const bad of ["JSON {", "JSON 5", 'JSON {"other": 1}', 'JSON {"eps": "many"}']) {
      assert.equal(read(bad), null, bad);
    }
  });

  it("is protobuf in base64", () => {
    const double = (field: number, value: number): Buffer => {
      const bytes = Buffer.alloc(9);
      bytes[0] = field * 8 + 1;
      bytes.writeDoubleLE(value, 1);
      return bytes;
    };
    const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x61]), double(2, 0.25)]);
    const message = Buffer.concat([
      double(6, 100),
      Buffer.from([3 * 8, 0xac, 0x02]),
      Buffer.from([8 * 8 + 2, entry.length]),
      entry,
      double(9, 0.5),
    ]);
    const expected = { rps_fractional: 100, "named_metrics.a": 0.25, application_utilization: 0.5 };
    assert.deepEqual(read(message.toString("base64"), "endpoint-load-metrics-bin"), expected);
    assert.deepEqual(read(`BIN ${message.toString("base64")}`), expected);
    const short = message.subarray(0, -3).toString("base64");
    assert.equal(read(short, "endpoint-load-metrics-bin"), null);
  });

  it("makes a weight of rate over utilization and errors", () => {
    const config = {
      blackoutMs: 0,
      expirationMs: 0,
      updateMs: 0,
      errorPenalty: 2,
      metricNames: ["named_metrics.*"],
    };
    const weight = (values: Record<string, number>): number | null =>
      weightOf(new Map(Object.entries(values)), config);
    assert.equal(
      weight({ rps_fractional: 100, application_utilization: 0.5, cpu_utilization: 0.1 }),
      200,
    );
    assert.equal(
      weight({ rps_fractional: 100, "named_metrics.a": 0.2, "named_metrics.b": 0.4 }),
      250,
    );
    assert.equal(weight({ rps_fractional: 100, cpu_utilization: 0.8 }), 125);
    assert.equal(weight({ rps_fractional: 100, cpu_utilization: 0.5, eps: 25 }), 100);
    assert.equal(weight({ rps_fractional: 0, cpu_utilization: 0.5 }), null);
    assert.equal(weight({ rps_fractional: 10 }), null);
    assert.equal(maxUtilization(new Map([["utilization.x", 3]]), ["utilization.x", "none"]), 3);
  });
});
