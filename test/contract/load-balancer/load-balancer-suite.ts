// What every load-balancing policy promises, whatever its algorithm. Call it with the policy's
// factory from the policy's own test.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../src/config/runtime.ts";
import { loadBalancerFactories } from "../../../src/extensions/load-balancers/catalogue.ts";
import type { Metadata } from "../../../src/network/stream-info.ts";
import { createClusterLoadBalancerStats } from "../../../src/stats/groups/cluster-load-balancer-stats.ts";
import { StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";
import type { HealthStatus, Host, Locality } from "../../../src/upstream/host.ts";
import {
  applyMembership,
  EMPTY_MEMBERSHIP,
  EMPTY_PRIORITY_SET,
  type Membership,
  type PrioritySet,
  refreshHealth,
} from "../../../src/upstream/host-set.ts";
import { createHostSlots, HostSlots } from "../../../src/upstream/host-slots.ts";
import { describe as describeHost } from "../../../src/upstream/load-assignment.ts";
import {
  type ClusterLoadBalancer,
  EMPTY_CONTEXT,
  type LoadBalancerContext,
  type LoadBalancerFactory,
  type LoadBalancerServices,
  type LoadBalancingPolicy,
  type LocalCluster,
  type PolicyLists,
} from "../../../src/upstream/load-balancer.ts";
import { EMPTY_LOCALITY, localityKey } from "../../../src/upstream/locality.ts";
import { PolicyCompiler } from "../../../src/upstream/policy-config.ts";
import { type PoolOwner, UpstreamHost } from "../../../src/upstream/upstream-host.ts";
import { SeededRandom } from "../../kit/seeded-random.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";

export interface TestMember {
  readonly port: number;
  readonly weight?: number;
  readonly priority?: number;
  readonly health?: HealthStatus;
  readonly locality?: Locality;
  readonly hostname?: string;
  readonly metadata?: Metadata;
}

/** A locality that differs by its zone only. */
export function zone(name: string): Locality {
  return { region: "", zone: name, subZone: "" };
}

export interface BenchOptions {
  readonly locality?: Locality;
  readonly localCluster?: LocalCluster;
  readonly runtime?: RuntimeSnapshot;
}

/** Nobody connects to the hosts of these tests. */
const NO_POOLS: PoolOwner = {
  mayOpenHttpPool: () => true,
  takePoolPlace: () => undefined,
  openHttpPool: () => {
    throw new Error("no pool is opened in this test");
  },
  openTcpPool: () => {
    throw new Error("no pool is opened in this test");
  },
};

/** A load balancer over hosts that the test describes. */
export class BalancerBench {
  readonly store: StatsStore = new StatsStore(new StatSlab());
  readonly slots: HostSlots = new HostSlots(createHostSlots(1), 0);
  readonly time: SimulatedTime = new SimulatedTime();
  readonly services: LoadBalancerServices;
  readonly balancer: ClusterLoadBalancer;
  members: PrioritySet = EMPTY_PRIORITY_SET;
  private membership: Membership = EMPTY_MEMBERSHIP;

  constructor(policy: LoadBalancingPolicy, seed: number = 1, options: BenchOptions = {}) {
    const dispatcher = this.time.dispatcher(new SeededRandom(seed));
    this.services = {
      dispatcher,
      random: dispatcher.random,
      runtime: options.runtime ?? DEFAULT_RUNTIME,
      stats: createClusterLoadBalancerStats(this.store.root),
      scope: this.store.root,
      configurationScope: this.store.root,
      activeRequests: () =>
        this.members.sets
          .flatMap((set) => set.hosts)
          .reduce((sum, host) => sum + host.stats.activeRequests, 0),
      locality: options.locality ?? EMPTY_LOCALITY,
      localCluster: options.localCluster ?? null,
    };
    this.balancer = policy.createBalancer(this.services);
  }

  /** The same hosts after their health changed. */
  refresh(panicThreshold: number = 50): this {
    this.members = refreshHealth(this.members, this.membership);
    this.balancer.update(this.members, panicThreshold);
    return this;
  }

  /** `localityWeights` by zone name, of priority 0. */
  set(
    members: readonly TestMember[],
    panicThreshold: number = 50,
    localityWeights: Readonly<Record<string, number>> = {},
  ): this {
    const hosts = members.map((member) =>
      describeHost(
        {
          address: { ip: "127.0.0.1", port: member.port },
          additionalAddresses: [],
          hostname: member.hostname ?? "",
          weight: member.weight ?? 1,
          priority: member.priority ?? 0,
          locality: member.locality ?? EMPTY_LOCALITY,
          metadata: member.metadata ?? null,
          healthCheck: null,
          health: member.health ?? "UNKNOWN",
        },
        { ip: "127.0.0.1", port: member.port },
      ),
    );
    const weights = Object.entries(localityWeights).map(
      ([name, weight]) => [localityKey(zone(name), 0), weight] as const,
    );
    const membership = { ...EMPTY_MEMBERSHIP, hosts, localityWeights: new Map(weights) };
    this.members = applyMembership(
      this.members,
      membership,
      (host) => new UpstreamHost(host, this.slots.acquire(host.identity), NO_POOLS),
    ).next;
    this.membership = membership;
    this.balancer.update(this.members, panicThreshold);
    return this;
  }

  pick(context: LoadBalancerContext = EMPTY_CONTEXT): number | null {
    return this.balancer.chooseHost(context)?.description.address.port ?? null;
  }

  /** Picks per port. */
  count(picks: number, context: LoadBalancerContext = EMPTY_CONTEXT): Map<number | null, number> {
    const counts = new Map<number | null, number>();
    for (let pick = 0; pick < picks; pick++) {
      const port = this.pick(context);
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    return counts;
  }

  host(port: number): Host {
    return this.members.byIdentity.get(`127.0.0.1:${port}`)!;
  }
}

/** For policies that contain others. */
export const POLICIES: PolicyLists = new PolicyCompiler(loadBalancerFactories(), "c");

/** Compiles with the policy's defaults. */
export function defaultPolicy(factory: LoadBalancerFactory): LoadBalancingPolicy {
  return factory.compile({}, new CompileContext(), POLICIES)!;
}

function members(count: number): TestMember[] {
  return Array.from({ length: count }, (_, index) => ({ port: index + 1 }));
}

export interface ContractOptions {
  /** Degraded hosts take what healthy ones cannot; hash tables leave them out. */
  readonly degraded?: boolean;
}

export function loadBalancerContract(
  factory: LoadBalancerFactory,
  options: ContractOptions = {},
): void {
  const bench = (): BalancerBench => new BalancerBench(defaultPolicy(factory));

  describe(`${factory.name} as a load balancer`, () => {
    it("chooses nothing when there is no host", () => {
      assert.equal(bench().pick(), null);
      assert.equal(bench().set([]).pick(), null);
    });

    it("always chooses the only host", () => {
      assert.deepEqual([...bench().set(members(1)).count(50)], [[1, 50]]);
    });

    it("spreads over equal hosts", () => {
      const counts = bench().set(members(4)).count(4000);
      assert.equal(counts.size, 4);
      for (const [, count] of counts) assert.ok(count > 800 && count < 1200, `${count} of 4000`);
    });

    it("never chooses an unhealthy host while enough others are healthy", () => {
      for (const health of ["UNHEALTHY", "DRAINING", "TIMEOUT"] as const) {
        const counts = bench()
          .set([{ port: 1, health }, { port: 2 }, { port: 3 }])
          .count(300);
        assert.equal(counts.get(1), undefined, health);
        assert.equal(counts.size, 2);
      }
    });

    it("uses all hosts in panic and counts it", () => {
      const one = bench().set([
        { port: 1, health: "UNHEALTHY" },
        { port: 2, health: "UNHEALTHY" },
        { port: 3 },
      ]);
      assert.equal(one.count(300).size, 3);
      assert.equal(one.store.root.counter("lb_healthy_panic").value(), 300);
    });

    it("chooses nothing rather than an unhealthy host when panic is off", () => {
      const one = bench().set([{ port: 1, health: "UNHEALTHY" }], 0);
      assert.equal(one.pick(), null);
    });

    it("leaves a lower priority alone while the first is whole", () => {
      const one = bench().set([{ port: 1 }, { port: 2, priority: 1 }]);
      assert.deepEqual([...one.count(100)], [[1, 100]]);
    });

    it("overflows to the next priority in proportion to lost health", () => {
      const one = bench().set([
        { port: 1 },
        { port: 2, health: "UNHEALTHY" },
        { port: 3, priority: 1 },
      ]);
      const counts = one.count(4000);
      assert.equal(counts.get(2), undefined);
      assert.ok(Math.abs((counts.get(1) ?? 0) - 2800) < 150, `${counts.get(1)} of 4000`);
    });

    it("uses degraded hosts only for what healthy ones cannot take", {
      skip: options.degraded === false,
    }, () => {
      const one = bench().set([
        { port: 1 },
        { port: 2, health: "DEGRADED" },
        { port: 3, health: "UNHEALTHY" },
      ]);
      const counts = one.count(4000);
      assert.equal(counts.get(3), undefined);
      // 140 % of 1/3 is 46 healthy and 46 degraded; 92 scaled to 100, the remainder to healthy.
      assert.ok(Math.abs((counts.get(1) ?? 0) - 2000) < 200, `${counts.get(1)} of 4000`);
      assert.ok((counts.get(2) ?? 0) > 1800);
    });

    it("sees added and removed hosts after an update", () => {
      const one = bench().set(members(2));
      one.set([{ port: 2 }, { port: 3 }]);
      const counts = one.count(1000);
      assert.deepEqual([...counts.keys()].sort(), [2, 3]);
    });
  });
}
