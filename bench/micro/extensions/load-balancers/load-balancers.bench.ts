// One host choice: policy × equal or different weights, over 16 hosts; and tables of hashes made
// anew when hosts change.
import { ResponseHeaderMap } from "../../../../src/codec/header-map.ts";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { leastRequest } from "../../../../src/extensions/load-balancers/least-request/least-request.ts";
import { maglev } from "../../../../src/extensions/load-balancers/maglev/maglev.ts";
import { MaglevTable } from "../../../../src/extensions/load-balancers/maglev/maglev-table.ts";
import { peakEwma } from "../../../../src/extensions/load-balancers/peak-ewma/peak-ewma.ts";
import { random } from "../../../../src/extensions/load-balancers/random/random.ts";
import { Ring } from "../../../../src/extensions/load-balancers/ring-hash/ring.ts";
import { ringHash } from "../../../../src/extensions/load-balancers/ring-hash/ring-hash.ts";
import { roundRobin } from "../../../../src/extensions/load-balancers/round-robin/round-robin.ts";
import { subset } from "../../../../src/extensions/load-balancers/subset/subset.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../../../src/upstream/load-balancer.ts";
import {
  BalancerBench,
  POLICIES,
  type TestMember,
} from "../../../../test/contract/load-balancer/load-balancer-suite.ts";
import { bench } from "../../../kit/micro.ts";

const ROUND_ROBIN = {
  policies: [
    {
      typedExtensionConfig: {
        name: "rr",
        typedConfig: { typeUrl: `type.googleapis.com/${roundRobin.messageType}`, value: {} },
      },
    },
  ],
};
const OK = new ResponseHeaderMap();
OK.status = 200;

function members(count: number, weights: string): TestMember[] {
  return Array.from({ length: count }, (_, index) => ({
    port: index + 1,
    weight: weights === "equal" ? 1 : 1 + (index % 4),
  }));
}

for (const factory of [roundRobin, leastRequest, random, ringHash, maglev]) {
  for (const weights of ["equal", "different"]) {
    const policy = factory.compile({}, new CompileContext(), POLICIES)!;
    const { balancer } = new BalancerBench(policy).set(members(16, weights));
    bench(`${factory.lbPolicy}, ${weights} weights`, () => balancer.chooseHost(EMPTY_CONTEXT), {
      // A 32-bit random number may not fit a small integer: 8 bytes for each draw.
      allocatedBytesMax: 24,
    });
  }
}

const { balancer: learning } = new BalancerBench(
  peakEwma.compile({}, new CompileContext(), POLICIES)!,
).set(members(16, "equal"));
bench(
  "peak EWMA, pick and feedback",
  () => {
    const host = learning.chooseHost(EMPTY_CONTEXT)!;
    host.feedback!.requestStarted(0);
    host.feedback!.responseReceived(OK, 1);
    host.feedback!.requestEnded(0, "answered");
  },
  { allocatedBytesMax: 64 },
);

const hashed: LoadBalancerContext = { ...EMPTY_CONTEXT, hash: 0x123456789abcdef0n };
for (const factory of [ringHash, maglev]) {
  const policy = factory.compile({}, new CompileContext(), POLICIES)!;
  const { balancer } = new BalancerBench(policy).set(members(16, "equal"));
  bench(`${factory.lbPolicy}, a given hash`, () => balancer.chooseHost(hashed), {
    allocatedBytesMax: 24,
  });
}

const SETTINGS = { minSize: 1024, maxSize: 8_388_608, murmur: false, useHostname: false };
for (const count of [10, 1000, 10_000]) {
  const bench1 = new BalancerBench(ringHash.compile({}, new CompileContext(), POLICIES)!);
  const { hosts } = bench1.set(members(count, "equal")).members.sets[0]!;
  const source = {
    hosts,
    weights: hosts.map(() => 1 / count),
    descriptions: hosts.map((host) => host.description),
    min: 1 / count,
    max: 1 / count,
  };
  const known = new Ring(source, SETTINGS, null);
  bench(`a ring over ${count} new hosts`, () => new Ring(source, SETTINGS, null));
  bench(`a ring over ${count} known hosts`, () => new Ring(source, SETTINGS, known));
  bench(`a Maglev table over ${count} hosts`, () => new MaglevTable(source, 65_537, false));
}

const { balancer: subsets } = new BalancerBench(
  subset.compile(
    { subsetSelectors: [{ keys: ["v"] }], subsetLbPolicy: ROUND_ROBIN },
    new CompileContext(),
    POLICIES,
  )!,
).set(
  members(16, "equal").map((one) => ({
    ...one,
    metadata: { "envoy.lb": { v: String(one.port % 2) } },
  })),
);
const chosen: LoadBalancerContext = { ...EMPTY_CONTEXT, metadataMatch: { v: "1" } };
bench("a subset of eight hosts, round robin", () => subsets.chooseHost(chosen), {
  allocatedBytesMax: 24,
});
