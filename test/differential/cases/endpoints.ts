// Endpoints from files: health, weights, priorities, overloads, staleness, and what is refused.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  socketAddress,
} from "../bootstrap.ts";
import {
  adminLines,
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  get,
  pause,
  publish,
  response,
  type Step,
  send,
  stat,
} from "../case.ts";

const ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

function eds(name: string, fields: Message = {}): Message {
  return {
    name,
    type: "EDS",
    connect_timeout: "1s",
    eds_cluster_config: {
      eds_config: {
        path_config_source: { path: `@source:${name}.json@` },
        resource_api_version: "V3",
      },
    },
    common_lb_config: { update_merge_window: "0s" },
    ...fields,
  };
}

interface Member {
  readonly port?: string;
  readonly address?: string;
  readonly health?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly hostname?: string;
  readonly zone?: string;
}

let versions = 0;

/** A version of a file: one assignment, or with null none at all. */
function version(name: string, members: readonly Member[] | null, policy?: Message): Message {
  const endpoints = (members ?? []).map((one) => ({
    priority: one.priority ?? 0,
    ...(one.zone === undefined ? {} : { locality: { zone: one.zone } }),
    lb_endpoints: [
      {
        endpoint: {
          address: socketAddress(one.port ?? "@upstream:up1@", one.address),
          ...(one.hostname === undefined ? {} : { hostname: one.hostname }),
        },
        ...(one.health === undefined ? {} : { health_status: one.health }),
        ...(one.weight === undefined ? {} : { load_balancing_weight: one.weight }),
      },
    ],
  }));
  const assignment = {
    "@type": ASSIGNMENT,
    cluster_name: name,
    endpoints,
    ...(policy === undefined ? {} : { policy }),
  };
  return { version_info: String(++versions), resources: members === null ? [] : [assignment] };
}

const UP1: Member = { port: "@upstream:up1@" };
const UP2: Member = { port: "@upstream:up2@" };

/** Its assignment stands in the cluster. */
const fixed: Message = {
  ...cluster("fixed", []),
  load_assignment: {
    cluster_name: "fixed",
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress("@upstream:up1@") } }] }],
    policy: { drop_overloads: [{ category: "all", drop_percentage: { numerator: 100 } }] },
  },
};

const names = ["plain", "other", "stale", "drops", "late"] as const;

const publishes = (name: string, members: readonly Member[] | null, policy?: Message): Step =>
  publish(`${name}.json`, `cluster.${name}.`, version(name, members, policy));

const asks = (name: string): readonly Step[] => [send(get(`/${name}`)), response];

const named: CaseOptions = {
  upstreams: {
    up1: { replies: [reply(200, "up1")] },
    up2: { replies: [reply(200, "up2")] },
  },
};

const answered = (upstream: string, index = 0): CaseOptions => ({
  ...named,
  facts: { [`client.0.response.${index}.body`]: upstream },
});

const one = (
  name: string,
  members: readonly Member[],
  options: CaseOptions = {},
  policy?: Message,
): DifferentialCase => ({
  name,
  on: "main",
  steps: [publishes("plain", [UP1]), publishes("plain", members, policy), ...asks("plain")],
  ...options,
});

const refused = (name: string, content: Message): DifferentialCase => ({
  name,
  on: "main",
  steps: [
    publishes("plain", [UP2]),
    publish("plain.json", "cluster.plain.", content),
    ...asks("plain"),
  ],
  ...answered("up2"),
});

const bad = (members: readonly Member[], policy?: Message): Message =>
  version("plain", members, policy);

const cases: readonly DifferentialCase[] = [
  one("an unhealthy endpoint", [{ ...UP1, health: "UNHEALTHY" }, UP2], answered("up2")),
  one("one that timed out", [{ ...UP1, health: "TIMEOUT" }, UP2], answered("up2")),
  one("one that drains", [{ ...UP1, health: "DRAINING" }, UP2], answered("up2")),
  // One of two degraded is a matter of chance, 30 of 100: see distributions.ts.
  one("all unhealthy: panic", [{ ...UP2, health: "UNHEALTHY" }], answered("up2")),
  one("all draining", [{ ...UP2, health: "DRAINING" }], named),
  one(
    "a healthy second priority",
    [
      { ...UP1, health: "UNHEALTHY" },
      { ...UP2, priority: 1 },
    ],
    answered("up2"),
  ),
  one(
    "health as a share of weights",
    [
      { ...UP1, health: "UNHEALTHY", weight: 100, zone: "a" },
      { ...UP1, address: "127.0.0.2", weight: 1, zone: "a" },
      { ...UP2, priority: 1 },
    ],
    { counters: false },
    { weighted_priority_health: true },
  ),
  one(
    "overprovisioning",
    [
      { ...UP2 },
      { ...UP1, health: "UNHEALTHY", priority: 0 },
      { ...UP1, priority: 1, health: "UNHEALTHY" },
    ],
    {},
    { overprovisioning_factor: 200 },
  ),
  one("no endpoints", [], named),
  {
    name: "a file without the assignment",
    on: "main",
    steps: [publishes("plain", [UP2]), publishes("plain", null), ...asks("plain")],
    ...answered("up2"),
  },
  refused("a weight of 0", bad([{ ...UP1, weight: 0 }])),
  refused("an address that is a name", bad([{ ...UP1, address: "localhost" }])),
  refused("a priority over 128", bad([{ ...UP1, priority: 129 }])),
  refused("an assignment of another name", {
    ...version("plain", [UP1]),
    resources: [{ "@type": ASSIGNMENT, cluster_name: "someone_else", endpoints: [] }],
  }),
  refused("two assignments", {
    version_info: "twice",
    resources: [
      { "@type": ASSIGNMENT, cluster_name: "plain", endpoints: [] },
      { "@type": ASSIGNMENT, cluster_name: "plain", endpoints: [] },
    ],
  }),
  refused("an overprovisioning factor of 0", bad([UP1], { overprovisioning_factor: 0 })),
  refused(
    "two kinds of overload",
    bad([UP1], {
      drop_overloads: [
        { category: "a", drop_percentage: { numerator: 1 } },
        { category: "b", drop_percentage: { numerator: 1 } },
      ],
    }),
  ),
  {
    name: "hosts that stay keep their numbers, a moved one does not",
    on: "main",
    steps: [
      publishes("other", [{ ...UP1, zone: "a" }]),
      ...asks("other"),
      publishes("other", [{ ...UP1, zone: "a", weight: 7 }]),
      ...asks("other"),
      publishes("other", [{ ...UP1, zone: "b" }]),
      ...asks("other"),
      adminLines(
        "/stats",
        /^cluster\.other\.(membership_|update_(?!duration|time)|max_host|assignment)/,
      ),
    ],
    logs: 3,
    ...answered("up1"),
  },
  {
    name: "the same version again",
    on: "main",
    steps: [
      publishes("other", [UP1]),
      publishes("other", [UP1]),
      adminLines("/stats", /^cluster\.other\.(membership_|update_(?!attempt|duration|time))/),
    ],
    logs: 0,
  },
  {
    name: "everything is dropped",
    on: "main",
    steps: [
      publishes("drops", [UP2]),
      publishes("drops", [UP1], {
        drop_overloads: [{ category: "all", drop_percentage: { numerator: 100 } }],
      }),
      ...asks("drops"),
      adminLines("/stats", /^cluster\.drops\..*(drop|upstream_rq_(5|total|comp))/),
    ],
    ...named,
  },
  {
    name: "nothing is dropped",
    on: "main",
    steps: [
      publishes("drops", [UP2]),
      publishes("drops", [UP1], {
        drop_overloads: [{ category: "none", drop_percentage: { numerator: 0 } }],
      }),
      ...asks("drops"),
    ],
    ...answered("up1"),
  },
  {
    name: "dropping ends with the next version",
    on: "main",
    steps: [
      publishes("drops", [UP2]),
      publishes("drops", [UP1], {
        drop_overloads: [{ category: "all", drop_percentage: { numerator: 100 } }],
      }),
      publishes("drops", [UP2]),
      ...asks("drops"),
    ],
    ...answered("up2"),
  },
  {
    name: "a fixed assignment may drop everything too",
    on: "main",
    steps: asks("fixed"),
    ...named,
  },
  {
    name: "endpoints go stale",
    on: "main",
    steps: [
      publishes("stale", [UP1], { endpoint_stale_after: "0.3s" }),
      ...asks("stale"),
      stat("cluster.stale.membership_total", 0),
      ...asks("stale"),
      adminLines("/stats", /^cluster\.stale\.(membership_t|assignment_)/),
    ],
    logs: 2,
    ...named,
    counters: false,
  },
  {
    name: "a new version keeps them fresh",
    on: "main",
    steps: [
      publishes("stale", [UP1], { endpoint_stale_after: "0.3s" }),
      publishes("stale", [UP2]),
      pause(600),
      ...asks("stale"),
    ],
    ...answered("up2"),
    counters: false,
  },
  {
    name: "an empty first answer counts",
    on: "main",
    steps: [
      adminLines(
        "/stats",
        /^cluster\.late\.(membership_|update_(?!attempt|duration|time)|assignm)/,
      ),
    ],
    logs: 0,
  },
];

export const endpoints: DifferentialGroup = {
  name: "endpoints",
  bootstrap: bootstrap(
    [
      listener("main", [
        hcmWithHosts([
          anyHost([...names, "fixed"].map((name) => routeTo({ path: `/${name}` }, name))),
        ]),
      ]),
    ],
    [...names.map((name) => eds(name)), fixed],
  ),
  files: Object.fromEntries(
    names.map((name) => [
      `${name}.json`,
      version(name, name === "late" ? [] : [UP1, UP2].slice(0, name === "plain" ? 2 : 1)),
    ]),
  ),
  cases,
};
