// Subsets of hosts by metadata, request by request: each subset that is chosen has one host, or
// hashes by key.
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
  type DifferentialCase,
  type DifferentialGroup,
  get,
  response,
  type Step,
  send,
} from "../case.ts";

interface Member {
  readonly up: number;
  readonly lb: Message | null;
  readonly health?: string;
  readonly priority?: number;
}

const HOSTS: readonly Member[] = [
  { up: 1, lb: { version: "1", stage: "prod", n: 1 } },
  { up: 2, lb: { version: "2", stage: "prod", n: "1" } },
  { up: 3, lb: { version: "3", stage: "canary", list: ["a", "b"] } },
  { up: 4, lb: { stage: "old", flag: true, deep: { x: 1, y: [1, 2] } } },
  { up: 5, lb: null },
];

function members(name: string, config: Message, fields: Message = {}, list = HOSTS): Message {
  const endpoints = list.map(({ up, lb, health, priority = 0 }) => ({
    priority,
    lb_endpoints: [
      {
        endpoint: { address: socketAddress(`@upstream:up${up}@`) },
        ...(lb === null ? {} : { metadata: { filter_metadata: { "envoy.lb": lb } } }),
        ...(health === undefined ? {} : { health_status: health }),
      },
    ],
  }));
  return {
    ...cluster(name, []),
    load_assignment: { cluster_name: name, endpoints },
    ...(Object.keys(config).length === 0 ? {} : { lb_subset_config: config }),
    ...fields,
  };
}

const selectors = (...keys: readonly (readonly string[])[]): Message[] =>
  keys.map((one) => ({ keys: one }));

const BASE = {
  fallback_policy: "NO_FALLBACK",
  subset_selectors: selectors(
    ["version"],
    ["stage", "version"],
    ["n"],
    ["flag"],
    ["deep"],
    ["list"],
  ),
};
const TO_CANARY = { fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "canary" } };

function typed(config: Message): Message {
  const path = "envoy.extensions.load_balancing_policies";
  const child = {
    typed_extension_config: { name: "rr", typed_config: any(`${path}.round_robin.v3.RoundRobin`) },
  };
  const subset = any(`${path}.subset.v3.Subset`, {
    subset_lb_policy: { policies: [child] },
    ...config,
  });
  return {
    load_balancing_policy: {
      policies: [
        { typed_extension_config: { name: "unknown", typed_config: any("google.protobuf.Empty") } },
        { typed_extension_config: { name: "subset", typed_config: subset } },
      ],
    },
  };
}

const clusters: readonly Message[] = [
  members("plain", BASE),
  members("to_default", { ...BASE, ...TO_CANARY }),
  members("lists", {
    ...BASE,
    list_as_any: true,
    fallback_policy: "DEFAULT_SUBSET",
    default_subset: { list: "b" },
  }),
  members(
    "panic_any",
    {
      ...BASE,
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { stage: "nowhere" },
      panic_mode_any: true,
    },
    {},
    [HOSTS[0] as Member],
  ),
  members("panic_none", { ...BASE, panic_mode_any: true }),
  members("by_selector", {
    fallback_policy: "ANY_ENDPOINT",
    default_subset: { stage: "canary" },
    subset_selectors: [
      { keys: ["a"], fallback_policy: "NO_FALLBACK" },
      { keys: ["b"], fallback_policy: "DEFAULT_SUBSET" },
      { keys: ["version"], fallback_policy: "NO_FALLBACK" },
      {
        keys: ["stage", "version"],
        fallback_policy: "KEYS_SUBSET",
        fallback_keys_subset: ["version"],
      },
      { keys: ["stage", "zone"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["stage"] },
      { keys: ["stage"], fallback_policy: "NO_FALLBACK" },
    ],
  }),
  members("single", { subset_selectors: [{ keys: ["stage"], single_host_per_subset: true }] }, {}, [
    { up: 1, lb: { stage: "prod" }, health: "UNHEALTHY" },
    { up: 2, lb: { stage: "prod" } },
    { up: 3, lb: { stage: "canary" } },
  ]),
  members("fallback_list", { ...BASE, metadata_fallback_policy: "FALLBACK_LIST" }),
  members("health", { subset_selectors: selectors(["v"]) }, {}, [
    { up: 1, lb: { v: "p" }, health: "UNHEALTHY" },
    { up: 2, lb: { v: "p" }, priority: 1 },
    { up: 3, lb: { v: "q" }, health: "UNHEALTHY" },
    { up: 4, lb: { v: "r" }, health: "DEGRADED" },
  ]),
  members(
    "no_panic",
    { subset_selectors: selectors(["v"]) },
    { common_lb_config: { healthy_panic_threshold: {} } },
    [
      { up: 3, lb: { v: "q" }, health: "UNHEALTHY" },
      { up: 1, lb: { v: "p" } },
    ],
  ),
  members(
    "hashed",
    { subset_selectors: selectors(["v"]) },
    { lb_policy: "RING_HASH" },
    [1, 2, 3, 4].map((up) => ({
      up,
      lb: { v: up < 4 ? "most" : "one", hash_key: `host-${up}` },
    })),
  ),
  members(
    "maglev",
    { subset_selectors: selectors(["v"]) },
    { lb_policy: "MAGLEV" },
    [1, 2, 3, 4].map((up) => ({
      up,
      lb: { v: up < 4 ? "most" : "one", hash_key: `host-${up}` },
    })),
  ),
  members("typed", {}, typed(BASE)),
  members("redundant", {}, typed({ ...BASE, allow_redundant_keys: true })),
  members("redundant_fallback", {}, typed({ ...BASE, ...TO_CANARY, allow_redundant_keys: true })),
  members(
    "no_selectors",
    { fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "canary" } },
    {},
    [HOSTS[0] as Member],
  ),
];

/** `metadata_match` of a route. */
const match = (lb: Message): Message => ({
  metadata_match: { filter_metadata: { "envoy.lb": lb } },
});

interface Try {
  readonly name: string;
  readonly to: string;
  readonly criteria: Message | null;
}

const TRIES: readonly Try[] = [
  { name: "one key", to: "plain", criteria: { version: "2" } },
  { name: "two keys", to: "plain", criteria: { version: "1", stage: "prod" } },
  {
    name: "two keys of which one has another value",
    to: "plain",
    criteria: { version: "1", stage: "canary" },
  },
  { name: "a key that no selector has", to: "plain", criteria: { stage: "prod" } },
  { name: "a key too many", to: "plain", criteria: { version: "1", other: "x" } },
  { name: "a value that no host has", to: "plain", criteria: { version: "9" } },
  { name: "no criteria", to: "plain", criteria: null },
  { name: "empty criteria", to: "plain", criteria: {} },
  { name: "a number", to: "plain", criteria: { n: 1 } },
  { name: "the same number as text", to: "plain", criteria: { n: "1" } },
  { name: "a boolean", to: "plain", criteria: { flag: true } },
  { name: "a struct", to: "plain", criteria: { deep: { y: [1, 2], x: 1 } } },
  { name: "a list as a whole", to: "plain", criteria: { list: ["a", "b"] } },
  { name: "one value of a list", to: "plain", criteria: { list: "a" } },
  {
    name: "the default subset for a value that no host has",
    to: "to_default",
    criteria: { version: "9" },
  },
  { name: "the default subset without criteria", to: "to_default", criteria: null },
  { name: "the default subset for unknown keys", to: "to_default", criteria: { z: "1" } },
  { name: "a match before the default subset", to: "to_default", criteria: { version: "1" } },
  { name: "a list stands for each value", to: "lists", criteria: { list: "a" } },
  { name: "a list does not match as a whole then", to: "lists", criteria: { list: ["a", "b"] } },
  { name: "the default subset by a value of a list", to: "lists", criteria: { version: "9" } },
  {
    name: "any host when the default subset is empty",
    to: "panic_any",
    criteria: { version: "9" },
  },
  {
    name: "panic_mode_any does not help without a fallback",
    to: "panic_none",
    criteria: { version: "9" },
  },
  { name: "a selector without fallback", to: "by_selector", criteria: { a: "x" } },
  { name: "a selector with the default subset", to: "by_selector", criteria: { b: "x" } },
  { name: "fewer keys", to: "by_selector", criteria: { stage: "gone", version: "2" } },
  {
    name: "fewer keys that match nothing either",
    to: "by_selector",
    criteria: { stage: "gone", version: "9" },
  },
  {
    name: "fewer keys after a longer selector",
    to: "by_selector",
    criteria: { stage: "canary", zone: "z" },
  },
  {
    name: "a selector behind a longer one has no fallback of its own",
    to: "by_selector",
    criteria: { stage: "canary" },
  },
  { name: "one host per subset is the first", to: "single", criteria: { stage: "prod" } },
  { name: "one host per subset", to: "single", criteria: { stage: "canary" } },
  {
    name: "a list of criteria",
    to: "fallback_list",
    criteria: { fallback_list: [{ version: "9" }, { version: "3" }] },
  },
  {
    name: "a list of criteria beside others",
    to: "fallback_list",
    criteria: { version: "9", fallback_list: [{ stage: "x" }, { version: "2" }] },
  },
  {
    name: "a list of criteria that all fail",
    to: "fallback_list",
    criteria: { fallback_list: [{ version: "8" }, { version: "9" }] },
  },
  {
    name: "an empty list of criteria",
    to: "fallback_list",
    criteria: { version: "1", fallback_list: [] },
  },
  { name: "a subset fails over on its own", to: "health", criteria: { v: "p" } },
  { name: "a subset panics on its own", to: "health", criteria: { v: "q" } },
  { name: "a degraded subset", to: "health", criteria: { v: "r" } },
  { name: "a subset without panic has no host", to: "no_panic", criteria: { v: "q" } },
  { name: "a typed subset behind an unknown policy", to: "typed", criteria: { version: "2" } },
  { name: "typed: a key too many", to: "typed", criteria: { version: "2", other: "x" } },
  { name: "redundant keys are left out", to: "redundant", criteria: { version: "2", other: "x" } },
  {
    name: "of redundant keys the first selector counts",
    to: "redundant",
    criteria: { version: "1", stage: "prod", n: "1" },
  },
  {
    name: "redundant keys without a match",
    to: "redundant_fallback",
    criteria: { version: "9", other: "x" },
  },
  { name: "no selectors, no subsets", to: "no_selectors", criteria: { version: "1" } },
];

const routes: readonly Message[] = [
  ...TRIES.map(({ to, criteria }, index) =>
    routeTo({ path: `/try/${index}` }, to, criteria === null ? {} : match(criteria)),
  ),
  ...["hashed", "maglev"].flatMap((to) =>
    ["most", "one"].map((v) =>
      routeTo({ path: `/${to}/${v}` }, to, {
        ...match({ v }),
        hash_policy: [{ header: { header_name: "x-key" } }],
      }),
    ),
  ),
  {
    match: { path: "/weighted" },
    route: {
      weighted_clusters: {
        clusters: [{ name: "plain", weight: 1, ...match({ version: "3" }) }],
      },
      ...match({ version: "1" }),
    },
  },
  routeTo({ path: "/dynamic/merged" }, "plain", match({ version: "1" })),
  routeTo({ path: "/dynamic/alone" }, "plain"),
];

const KEYS = Array.from({ length: 8 }, (_, index) => `key-${index * 104729}`);

function hashed(to: string, v: string): DifferentialCase {
  const steps: Step[] = KEYS.flatMap((key) => [
    send(get(`/${to}/${v}`, `x-key: ${key}`)),
    response,
  ]);
  return { name: `${to} within a subset: ${v}`, on: "main", steps, logs: KEYS.length };
}

const one = (name: string, on: string, path: string): DifferentialCase => ({
  name,
  on,
  steps: [send(get(path)), response, send(get(path)), response],
  logs: 2,
});

const SET_VERSION: Message = {
  name: "version",
  typed_config: any("envoy.extensions.filters.http.set_metadata.v3.Config", {
    metadata: [{ metadata_namespace: "envoy.lb", value: { version: "2" } }],
  }),
};

const cases: readonly DifferentialCase[] = [
  ...TRIES.map(({ name, to }, index) => one(`${to}: ${name}`, "main", `/try/${index}`)),
  hashed("hashed", "most"),
  hashed("hashed", "one"),
  hashed("maglev", "most"),
  one("criteria of a weighted cluster win", "main", "/weighted"),
  one("dynamic metadata wins over the route", "dynamic", "/dynamic/merged"),
  one("dynamic metadata alone", "dynamic", "/dynamic/alone"),
  {
    // Envoy makes a balancer on its main thread too: lb_subsets_created and _active count it.
    name: "hosts that want the place of another",
    on: "main",
    steps: [adminLines("/stats", /lb_subsets_(?:removed|single_host_per_subset_duplicate)/)],
    logs: 0,
  },
];

export const balancingSubset: DifferentialGroup = {
  name: "balancing-subset",
  bootstrap: bootstrap(
    [
      listener("main", [hcmWithHosts([anyHost(routes)])]),
      listener("dynamic", [
        hcmWithHosts(
          [anyHost(routes)],
          { http_filters: [SET_VERSION, ROUTER] },
          { name: "second" },
        ),
      ]),
    ],
    clusters,
  ),
  cases,
};
