// What is chosen at random, over 20 000 requests each: balancing policies, weighted clusters,
// priorities, runtime fractions.

import { balancingGroup, localities, type Member, weighted } from "../balancing-bootstrap.ts";
import { anyHost, bootstrap, hcmWithHosts, listener, type Message, routeTo } from "../bootstrap.ts";
import { type DifferentialGroup, get } from "../case.ts";
import type { DistributionCase } from "../distribution.ts";

const EQUAL = { up1: 1, up2: 1, up3: 1 };
const SKEWED = { up1: 1, up2: 2, up3: 5 };

/** `healthy` of `all` endpoints are healthy; every one is the upstream of this name. */
const partly = (upstream: string, healthy: number, all: number): readonly Member[] =>
  Array.from({ length: all }, (_, i) => ({
    upstream,
    health: i < healthy ? "HEALTHY" : "UNHEALTHY",
  }));

const tiers = (name: string, first: readonly Member[], second: readonly Member[]): Message =>
  localities(name, [
    { members: first, priority: 0 },
    { members: second, priority: 1 },
  ]);

const clusters: readonly Message[] = [
  weighted("round-robin", EQUAL),
  weighted("round-robin-weights", SKEWED),
  weighted("random", EQUAL, { lb_policy: "RANDOM" }),
  weighted("random-weights", SKEWED, { lb_policy: "RANDOM" }),
  weighted("least", EQUAL, { lb_policy: "LEAST_REQUEST" }),
  weighted("least-weights", SKEWED, { lb_policy: "LEAST_REQUEST" }),
  weighted("least-4", EQUAL, {
    lb_policy: "LEAST_REQUEST",
    least_request_lb_config: { choice_count: 4 },
  }),
  // Half of the first priority is healthy: 1.4 * 50 % stays there.
  tiers("overprovisioned", partly("up1", 2, 4), partly("up2", 4, 4)),
  tiers("enough", partly("up1", 3, 4), partly("up2", 4, 4)),
  // Both together are below 100 %: the load is shared in proportion.
  tiers("short", partly("up1", 1, 4), partly("up2", 1, 4)),
  localities("degraded", [
    { members: [...partly("up1", 1, 4).slice(0, 1), { upstream: "up2", health: "DEGRADED" }] },
  ]),
  localities("panic", [{ members: [...partly("up1", 1, 3), ...partly("up2", 0, 3)] }]),
];

const on = (
  name: string,
  cluster: string,
  shares: Readonly<Record<string, number>>,
  more: Partial<DistributionCase> = {},
): DistributionCase => ({ name, on: "main", request: get(`/${cluster}`), shares, ...more });

const WEIGHTED_CLUSTERS: Message = {
  match: { path: "/split" },
  route: {
    weighted_clusters: {
      clusters: [
        { name: "one", weight: 15 },
        { name: "two", weight: 35 },
        { name: "three", weight: 950 },
      ],
    },
  },
};

const fraction = (path: string, numerator: number, denominator: string): readonly Message[] => [
  routeTo(
    { path, runtime_fraction: { default_value: { numerator, denominator }, runtime_key: path } },
    "two",
  ),
  routeTo({ path }, "one"),
];

const policyCases: readonly DistributionCase[] = [
  on("round robin", "round-robin", EQUAL),
  on("round robin by weight", "round-robin-weights", SKEWED),
  on("random", "random", EQUAL),
  on("random does not look at weights", "random-weights", EQUAL),
  on("least request of idle hosts", "least", EQUAL, { connections: 1 }),
  on("least request under eight at a time", "least", EQUAL, { connections: 8 }),
  on("least request by weight", "least-weights", SKEWED, { connections: 1 }),
  on("least request of four choices", "least-4", EQUAL, { connections: 1 }),
];

const priorityCases: readonly DistributionCase[] = [
  on("half of a priority healthy: 70 and 30 %", "overprovisioned", { up1: 70, up2: 30 }),
  on("three quarters healthy: all stay", "enough", { up1: 1 }),
  on("too few healthy in both: in proportion", "short", { up1: 1, up2: 1 }),
  on("degraded hosts take what healthy ones cannot", "degraded", { up1: 70, up2: 30 }),
  on("panic: healthy or not", "panic", { up1: 1, up2: 1 }),
];

const routeCases: readonly DistributionCase[] = [
  on("weighted clusters", "split", { up1: 15, up2: 35, up3: 950 }),
  on("a runtime fraction of 23 %", "percent", { up1: 77, up2: 23 }),
  on("a runtime fraction in ten thousandths", "fine", { up1: 9_700, up2: 300 }),
  on("a runtime fraction that runtime overrides", "overridden", { up1: 40, up2: 60 }),
];

const splitting: Message = bootstrap(
  [
    listener("main", [
      hcmWithHosts(
        [
          anyHost([
            WEIGHTED_CLUSTERS,
            ...fraction("/percent", 23, "HUNDRED"),
            ...fraction("/fine", 300, "TEN_THOUSAND"),
            ...fraction("/overridden", 5, "HUNDRED"),
          ]),
        ],
        { access_log: [] },
      ),
    ]),
  ],
  [weighted("one", { up1: 1 }), weighted("two", { up2: 1 }), weighted("three", { up3: 1 })],
  { layered_runtime: { layers: [{ name: "static", static_layer: { "/overridden": 60 } }] } },
);

export const balancingDistributions: DifferentialGroup = balancingGroup("distributions", clusters, [
  ...policyCases,
  ...priorityCases,
]);

export const routeDistributions: DifferentialGroup = {
  name: "route-distributions",
  bootstrap: splitting,
  cases: [],
  distributions: routeCases,
};
