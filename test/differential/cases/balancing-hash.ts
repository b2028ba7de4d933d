// Consistent hashing, request by request: which host a hash leads to. Endpoints carry a `hash_key`,
// so that rings and tables are equal on both sides although the ports differ.
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  ROUTER,
  routeTo,
  socketAddress,
} from "../bootstrap.ts";
import {
  adminLines,
  type CaseOptions,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  get,
  response,
  type Step,
  send,
} from "../case.ts";

interface Member {
  readonly up: number;
  readonly weight?: number;
  readonly health?: string;
  readonly zone?: string;
  readonly zoneWeight?: number;
  readonly priority?: number;
  readonly hostname?: string;
}

const FIVE: readonly Member[] = [1, 2, 3, 4, 5].map((up) => ({ up }));

/** One locality per member that names a zone; `metadata` replaces `hash_key`. */
function members(
  name: string,
  list: readonly Member[],
  fields: Message,
  metadata: (member: Member) => Message | null = ({ up }) => ({ hash_key: `host-${up}` }),
): Message {
  const endpoints = list.map((member) => {
    const lb = metadata(member);
    const { hostname = "", health, weight, zone, zoneWeight, priority = 0 } = member;
    return {
      priority,
      ...(zone === undefined ? {} : { locality: { zone } }),
      ...(zoneWeight === undefined ? {} : { load_balancing_weight: zoneWeight }),
      lb_endpoints: [
        {
          endpoint: { hostname, address: socketAddress(`@upstream:up${member.up}@`) },
          ...(lb === null ? {} : { metadata: { filter_metadata: { "envoy.lb": lb } } }),
          ...(health === undefined ? {} : { health_status: health }),
          ...(weight === undefined ? {} : { load_balancing_weight: weight }),
        },
      ],
    };
  });
  return { ...cluster(name, []), load_assignment: { cluster_name: name, endpoints }, ...fields };
}

function typed(policy: string, config: Message = {}): Message {
  const path = `envoy.extensions.load_balancing_policies.${policy}.v3`;
  const message = policy.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  return {
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: "typed",
            typed_config: any(`${path}.${message}`, config),
          },
        },
      ],
    },
  };
}

const RING = { lb_policy: "RING_HASH" };
/** Hostnames are refused for hashing in a static cluster that says so in `common_lb_config`. */
const DNS = { type: "STRICT_DNS" };
const MAGLEV = { lb_policy: "MAGLEV" };
const WEIGHTS: readonly Member[] = FIVE.map(({ up }) => ({ up, weight: up * up }));
const ZONES: readonly Member[] = [
  { up: 1, zone: "a", zoneWeight: 1 },
  { up: 2, zone: "b", zoneWeight: 5 },
  { up: 3, zone: "c", zoneWeight: 2 },
  { up: 4, zone: "d" },
];
const BY_ZONE = { common_lb_config: { locality_weighted_lb_config: {} } };
const headerHash = { header: { header_name: "x-key" } };
const hashing = (config: Message): Message => ({ consistent_hashing_lb_config: config });

const clusters: readonly Message[] = [
  members("ring", FIVE, RING),
  members("ring_weights", WEIGHTS, RING),
  members("ring_small", FIVE, { ...RING, ring_hash_lb_config: { minimum_ring_size: 7 } }),
  members("ring_cut", FIVE, {
    ...RING,
    ring_hash_lb_config: { minimum_ring_size: 2, maximum_ring_size: 3 },
  }),
  members("ring_murmur", FIVE, {
    ...RING,
    ring_hash_lb_config: { hash_function: "MURMUR_HASH_2" },
  }),
  members(
    "ring_hostnames",
    FIVE.map(({ up }) => ({ up, hostname: `h${up}.example` })),
    { ...RING, ...DNS, common_lb_config: hashing({ use_hostname_for_hashing: true }) },
    () => null,
  ),
  members("ring_zones", ZONES, { ...RING, ...BY_ZONE }),
  members(
    "ring_zones_unweighted",
    ZONES.map(({ up, zone = "" }) => ({ up, zone })),
    { ...RING, ...BY_ZONE },
  ),
  members(
    "ring_typed",
    FIVE,
    typed("ring_hash", { minimum_ring_size: 100, ...hashing({ hash_policy: [headerHash] }) }),
  ),
  members("ring_typed_weights", WEIGHTS, typed("ring_hash", { hash_function: "MURMUR_HASH_2" })),
  members(
    "ring_typed_hostnames",
    FIVE.map(({ up }) => ({ up, hostname: `h${up}.example` })),
    typed("ring_hash", { use_hostname_for_hashing: true }),
    () => null,
  ),
  members("ring_bounded", FIVE, {
    ...RING,
    common_lb_config: hashing({ hash_balance_factor: 120 }),
  }),
  members("ring_number_key", FIVE, RING, ({ up }) => (up < 3 ? { hash_key: `k${up}` } : null)),
  members(
    "ring_priorities",
    [
      { up: 1, priority: 0 },
      { up: 2, priority: 0, health: "UNHEALTHY" },
      { up: 3, priority: 1 },
      { up: 4, priority: 1 },
    ],
    RING,
  ),
  members(
    "ring_panic",
    [{ up: 1, health: "UNHEALTHY" }, { up: 2, health: "UNHEALTHY" }, { up: 3 }],
    RING,
  ),
  members(
    "ring_degraded",
    [
      { up: 1, health: "DEGRADED" },
      { up: 2, health: "DEGRADED" },
    ],
    RING,
  ),
  members("ring_half_degraded", [{ up: 1, health: "DEGRADED" }, { up: 2 }], RING),
  members("maglev", FIVE, MAGLEV),
  members("maglev_weights", WEIGHTS, MAGLEV),
  members("maglev_small", FIVE, { ...MAGLEV, maglev_lb_config: { table_size: 13 } }),
  members("maglev_two", FIVE.slice(0, 2), { ...MAGLEV, maglev_lb_config: { table_size: 2 } }),
  members("maglev_zones", ZONES, { ...MAGLEV, ...BY_ZONE }),
  members(
    "maglev_panic",
    [{ up: 1, health: "UNHEALTHY" }, { up: 2, health: "UNHEALTHY" }, { up: 3 }],
    MAGLEV,
  ),
  members(
    "maglev_typed",
    WEIGHTS,
    typed("maglev", { table_size: 127, ...hashing({ hash_policy: [headerHash] }) }),
  ),
  members(
    "maglev_hostnames",
    FIVE.map(({ up }) => ({ up, hostname: `h${up}.example` })),
    typed("maglev", hashing({ use_hostname_for_hashing: true })),
    () => null,
  ),
];

/** How a route of each kind finds its hash; all lead to the cluster `ring`. */
const POLICIES: Readonly<Record<string, readonly Message[]>> = {
  "/cookie": [{ cookie: { name: "session" } }],
  "/query": [{ query_parameter: { name: "user" } }],
  "/source": [{ connection_properties: { source_ip: true } }],
  "/two": [headerHash, { query_parameter: { name: "user" } }],
  "/terminal": [{ ...headerHash, terminal: true }, { query_parameter: { name: "user" } }],
  "/rewrite": [
    {
      header: {
        header_name: "x-key",
        regex_rewrite: { pattern: { regex: "^([a-z]+)-.*$" }, substitution: "\\1" },
      },
    },
  ],
};

const routes: readonly Message[] = [
  ...clusters.map(({ name }) =>
    routeTo({ path: `/to/${name}` }, String(name), { hash_policy: [headerHash] }),
  ),
  ...Object.entries(POLICIES).map(([prefix, policies]) =>
    routeTo({ prefix }, "ring", { hash_policy: policies }),
  ),
];

const KEYS = Array.from({ length: 16 }, (_, index) => `key-${index * 7919}`);

function inTurn(texts: readonly string[]): Step[] {
  return texts.flatMap((text) => [send(text), response]);
}

/** Sixteen hashes to one cluster. */
function spread(name: string, to: string, options: CaseOptions = {}): DifferentialCase {
  const steps = inTurn(KEYS.map((key) => get(`/to/${to}`, `x-key: ${key}`)));
  return { name, on: "main", steps, logs: KEYS.length, ...options };
}

function policyCase(name: string, requests: readonly string[]): DifferentialCase {
  return { name, on: "main", steps: inTurn(requests), logs: requests.length };
}

const cases: readonly DifferentialCase[] = [
  spread("a ring over equal hosts", "ring"),
  spread("a ring over weighted hosts", "ring_weights"),
  spread("a ring of few places", "ring_small"),
  spread("a ring with fewer places than hosts", "ring_cut"),
  spread("a ring of murmur hashes", "ring_murmur"),
  spread("a ring by hostname", "ring_hostnames"),
  spread("a ring over weighted localities", "ring_zones"),
  spread("a ring over localities without weights has no host", "ring_zones_unweighted", {
    facts: { "client.0.response.0.start": /503/ },
  }),
  spread("a typed ring that hashes the request itself", "ring_typed"),
  spread("a typed ring of murmur hashes over weights", "ring_typed_weights"),
  spread("a typed ring by hostname, the older field", "ring_typed_hostnames"),
  spread("a bounded ring without load", "ring_bounded"),
  spread("priorities are chosen by the hash too", "ring_priorities"),
  spread("a ring in panic holds all hosts", "ring_panic"),
  spread("a ring holds no degraded host", "ring_degraded"),
  spread("a ring holds healthy hosts beside degraded ones", "ring_half_degraded"),
  spread("maglev over equal hosts", "maglev"),
  spread("maglev over weighted hosts", "maglev_weights"),
  spread("a small maglev table", "maglev_small"),
  spread("the smallest maglev table", "maglev_two"),
  spread("maglev over weighted localities", "maglev_zones"),
  spread("maglev in panic", "maglev_panic"),
  spread("typed maglev that hashes the request itself", "maglev_typed"),
  spread("maglev by hostname", "maglev_hostnames"),
  policyCase(
    "several values of a header are hashed in order",
    KEYS.map((key) => get("/to/ring", `x-key: z-${key}`, `x-key: ${key}`, "x-key: a")),
  ),
  policyCase(
    "a cookie",
    KEYS.map((key) => get("/cookie", `cookie: a=b; session=${key}; c=d`)),
  ),
  policyCase(
    "a query parameter",
    KEYS.map((key) => get(`/query?a=1&user=${key}&user=other`)),
  ),
  policyCase(
    "two policies together",
    KEYS.map((key) => get(`/two?user=${key}`, `x-key: z${key}`)),
  ),
  policyCase(
    "the second policy alone",
    KEYS.map((key) => get(`/two?user=${key}`)),
  ),
  policyCase(
    "a terminal policy ends the search",
    KEYS.map((key) => get(`/terminal?user=${key}`, "x-key: one")),
  ),
  policyCase(
    "a terminal policy that finds nothing does not",
    KEYS.map((key) => get(`/terminal?user=${key}`)),
  ),
  policyCase(
    "a rewritten header",
    KEYS.map((key) => get("/rewrite", `x-key: abc-${key}`)),
  ),
  {
    name: "the source address",
    on: "main",
    steps: [2, 3, 4, 5, 6, 7, 8, 9].flatMap((last) => [
      connectTo("main", `127.0.0.${last}`),
      send(get("/source")),
      response,
    ]),
    logs: 8,
  },
  {
    name: "sizes of rings and tables",
    on: "main",
    steps: [adminLines("/stats", /(?:ring_hash|maglev)_lb\./)],
    logs: 0,
  },
];

export const balancingHash: DifferentialGroup = {
  name: "balancing-hash",
  bootstrap: bootstrap(
    [
      listener("main", [
        hcmWithHosts([anyHost(routes)], {
          http_filters: [ROUTER],
          use_remote_address: true,
          xff_num_trusted_hops: 0,
        }),
      ]),
    ],
    clusters,
  ),
  cases,
};
