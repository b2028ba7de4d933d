// Shares of hosts under locality weights, zone-aware routing, hashing without a hash, subsets and
// the settings of least request: 20 000 requests each.
import { balancingGroup, localities, type Member, weighted } from "../balancing-bootstrap.ts";
import { any, type Message, routeTo } from "../bootstrap.ts";
import { type DifferentialGroup, get } from "../case.ts";
import type { DistributionCase } from "../distribution.ts";

const PATH = "envoy.extensions.load_balancing_policies";

function typed(policy: string, config: Message = {}): Message {
  const message = policy.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  const typed_config = any(`${PATH}.${policy}.v3.${message}`, config);
  const typed_extension_config = { name: policy, typed_config };
  return { load_balancing_policy: { policies: [{ typed_extension_config }] } };
}

const BY_ZONE = { common_lb_config: { locality_weighted_lb_config: {} } };
const members = (upstream: string, count: number, health?: string): Member[] =>
  Array.from({ length: count }, () => ({ upstream, ...(health === undefined ? {} : { health }) }));
const lb = (metadata: Message): Pick<Member, "fields"> => ({
  fields: { metadata: { filter_metadata: { "envoy.lb": metadata } } },
});
const keyed = (upstream: string): Member => ({ upstream, ...lb({ hash_key: upstream }) });
const THREE = [{ members: ["up1", "up2", "up3"].map(keyed) }];

const zones = (...weights: readonly (number | undefined)[]) =>
  weights.map((weight, index) => ({
    zone: `z${index}`,
    members: members(`up${index + 1}`, index + 1),
    ...(weight === undefined ? {} : { weight }),
  }));

const clusters: readonly Message[] = [
  localities("localities", zones(1, 5, 2), BY_ZONE),
  localities(
    "localities-typed",
    zones(1, 5, 2),
    typed("random", { locality_lb_config: { locality_weighted_lb_config: {} } }),
  ),
  localities("localities-one-without", zones(1, undefined, 3), BY_ZONE),
  localities("localities-none", zones(undefined, undefined), BY_ZONE),
  localities(
    "localities-sick",
    [
      { zone: "a", weight: 1, members: [...members("up1", 1), ...members("up3", 1, "UNHEALTHY")] },
      { zone: "b", weight: 1, members: members("up2", 2) },
    ],
    BY_ZONE,
  ),
  localities(
    "localities-degraded",
    [
      { zone: "a", weight: 1, members: members("up1", 1, "DEGRADED") },
      { zone: "b", weight: 4, members: members("up2", 1, "DEGRADED") },
    ],
    BY_ZONE,
  ),
  localities(
    "localities-panic",
    [
      { zone: "a", weight: 1, members: members("up1", 2, "UNHEALTHY") },
      { zone: "b", weight: 9, members: members("up2", 1) },
    ],
    BY_ZONE,
  ),
  localities(
    "wrr-locality",
    zones(1, 5, 2),
    typed("wrr_locality", {
      endpoint_picking_policy: typed("client_side_weighted_round_robin")["load_balancing_policy"],
    }),
  ),
  localities("ring", THREE, {
    lb_policy: "RING_HASH",
    ring_hash_lb_config: { minimum_ring_size: 8192 },
  }),
  localities("maglev", THREE, { lb_policy: "MAGLEV" }),
  weighted("maglev-weights", { up1: 1, up2: 4 }, { lb_policy: "MAGLEV" }),
  localities(
    "subset",
    [
      {
        members: [
          { upstream: "up1", ...lb({ v: "x" }) },
          { upstream: "up2", ...lb({ v: "x" }) },
          { upstream: "up3", ...lb({ v: "y" }) },
        ],
      },
    ],
    { lb_policy: "RANDOM", lb_subset_config: { subset_selectors: [{ keys: ["v"] }] } },
  ),
  localities(
    "subset-scaled",
    [
      {
        zone: "a",
        weight: 4,
        members: [
          { upstream: "up1", ...lb({ v: "x" }) },
          { upstream: "up3", ...lb({ v: "y" }) },
        ],
      },
      { zone: "b", weight: 1, members: [{ upstream: "up2", ...lb({ v: "x" }) }] },
    ],
    {
      ...BY_ZONE,
      lb_subset_config: {
        subset_selectors: [{ keys: ["v"] }],
        locality_weight_aware: true,
        scale_locality_weight: true,
      },
    },
  ),
  localities(
    "subset-any",
    [{ members: [{ upstream: "up1", ...lb({ v: "x" }) }, { upstream: "up2" }] }],
    {
      lb_policy: "RANDOM",
      lb_subset_config: {
        fallback_policy: "ANY_ENDPOINT",
        subset_selectors: [{ keys: ["other"] }],
      },
    },
  ),
  weighted(
    "least-no-bias",
    { up1: 1, up2: 3 },
    {
      lb_policy: "LEAST_REQUEST",
      least_request_lb_config: { active_request_bias: { default_value: 0, runtime_key: "none" } },
    },
  ),
  weighted(
    "least-scan",
    { up1: 1, up2: 1, up3: 1 },
    typed("least_request", { selection_method: "FULL_SCAN" }),
  ),
];

const on = (
  name: string,
  cluster: string,
  shares: Readonly<Record<string, number>> | null,
  more: Partial<DistributionCase> = {},
): DistributionCase => ({
  name,
  on: "main",
  request: get(`/${cluster}`),
  ...(shares === null ? {} : { shares }),
  ...more,
});

const subsetRoutes: readonly Message[] = ["subset", "subset-scaled", "subset-any"].map((name) =>
  routeTo({ path: `/${name}` }, name, {
    metadata_match: { filter_metadata: { "envoy.lb": { v: "x" } } },
  }),
);

export const balancingShares: DifferentialGroup = balancingGroup(
  "balancing-shares",
  clusters,
  [
    on("weights of localities", "localities", { up1: 1, up2: 5, up3: 2 }),
    on("weights of localities, typed", "localities-typed", { up1: 1, up2: 5, up3: 2 }),
    on("a locality without a weight", "localities-one-without", { up1: 1, up3: 3 }),
    on("localities without any weight", "localities-none", { up1: 1, up2: 2 }),
    on("a locality that is half healthy", "localities-sick", { up1: 70, up2: 100 }),
    on("weights of degraded localities", "localities-degraded", { up1: 1, up2: 4 }),
    on("no weights of localities in panic", "localities-panic", { up1: 2, up2: 1 }),
    on("wrr_locality", "wrr-locality", { up1: 1, up2: 5, up3: 2 }),
    on("a ring without a hash", "ring", null),
    on("maglev without a hash", "maglev", { up1: 1, up2: 1, up3: 1 }),
    on("weights in maglev", "maglev-weights", { up1: 1, up2: 4 }),
    on("a subset of two hosts", "subset", { up1: 1, up2: 1 }),
    on("a subset with scaled locality weights", "subset-scaled", { up1: 2, up2: 1 }),
    on("any host when no subset matches", "subset-any", { up1: 1, up2: 1 }),
    on("least request without bias", "least-no-bias", { up1: 1, up2: 3 }),
    on(
      "least request that looks at all",
      "least-scan",
      { up1: 1, up2: 1, up3: 1 },
      { connections: 1 },
    ),
  ],
  subsetRoutes,
);

/** Who we are: zone z0, in a cluster with one proxy in each zone. */
function zoneGroup(): DifferentialGroup {
  const zoneAware = { common_lb_config: { zone_aware_lb_config: { min_cluster_size: 1 } } };
  const spread = (...counts: readonly number[]) =>
    counts.map((count, index) => ({
      zone: `z${index}`,
      members: members(`up${index + 1}`, count),
    }));
  const group = balancingGroup(
    "balancing-zones",
    [
      localities("me", spread(1, 1)),
      localities("direct", spread(3, 2), zoneAware),
      localities("residual", spread(1, 3), zoneAware),
      localities("small", spread(1, 3)),
      localities("random", spread(1, 3), { lb_policy: "RANDOM", ...zoneAware }),
      localities("thirty", spread(3, 2), {
        common_lb_config: {
          zone_aware_lb_config: { min_cluster_size: 1, routing_enabled: { value: 30 } },
        },
      }),
      localities(
        "forced",
        spread(1, 9),
        typed("random", {
          locality_lb_config: {
            zone_aware_lb_config: { min_cluster_size: 1, force_local_zone: { min_size: 1 } },
          },
        }),
      ),
      localities(
        "elsewhere",
        [
          { zone: "z1", members: members("up2", 1) },
          { zone: "z2", members: members("up3", 3) },
        ],
        zoneAware,
      ),
      localities(
        "panic",
        [
          { zone: "z0", members: members("up1", 1) },
          { zone: "z1", members: members("up2", 3, "UNHEALTHY") },
        ],
        zoneAware,
      ),
      localities(
        "panic-fails",
        [
          { zone: "z0", members: members("up1", 1) },
          { zone: "z1", members: members("up2", 3, "UNHEALTHY") },
        ],
        {
          common_lb_config: {
            zone_aware_lb_config: { min_cluster_size: 1, fail_traffic_on_panic: true },
          },
        },
      ),
    ],
    [
      on("all stay in a zone with its share", "direct", { up1: 1 }),
      on("what does not fit goes elsewhere", "residual", { up1: 50, up2: 50 }),
      on("a cluster that is too small", "small", { up1: 1, up2: 3 }),
      on("zones under random", "random", { up1: 50, up2: 50 }),
      on("zones for a part of the requests", "thirty", { up1: 30 + 70 * 0.6, up2: 70 * 0.4 }),
      on("a zone by force", "forced", { up1: 1 }),
      on("no host in our zone", "elsewhere", null),
      on("no zones in panic", "panic", { up1: 1, up2: 3 }),
      on("no host in panic when traffic is to fail", "panic-fails", { 503: 1 }, { requests: 200 }),
    ],
  );
  return {
    ...group,
    bootstrap: {
      ...group.bootstrap,
      node: { id: "node-1", cluster: "differential", locality: { region: "r", zone: "z0" } },
      cluster_manager: { local_cluster_name: "me" },
    },
  };
}

export const balancingZones: DifferentialGroup = zoneGroup();
