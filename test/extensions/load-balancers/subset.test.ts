import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import {
  matchesMetadata,
  subsetValues,
  valueKey,
} from "../../../src/extensions/load-balancers/subset/metadata-value.ts";
import { SelectorTree } from "../../../src/extensions/load-balancers/subset/selector-tree.ts";
import { subset } from "../../../src/extensions/load-balancers/subset/subset.ts";
import type {
  Subset,
  Subset_LbSubsetSelector,
} from "../../../src/proto/generated/envoy/extensions/load_balancing_policies/subset/v3.ts";
import type { JsonObject } from "../../../src/proto/plain.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import {
  BalancerBench,
  loadBalancerContract,
  POLICIES,
  type TestMember,
  zone,
} from "../../contract/load-balancer/load-balancer-suite.ts";

const POLICY_PATH = "type.googleapis.com/envoy.extensions.load_balancing_policies";

const child = (name: string, value: object = {}): Subset["subsetLbPolicy"] => {
  const message = name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  const typedConfig = { typeUrl: `${POLICY_PATH}.${name}.v3.${message}`, value };
  return { policies: [{ typedExtensionConfig: { name, typedConfig } }] };
};

const ROUND_ROBIN = child("round_robin");

loadBalancerContract({
  ...subset,
  compile: (message, context, policies) =>
    subset.compile(
      { fallbackPolicy: "ANY_ENDPOINT", subsetLbPolicy: ROUND_ROBIN, ...(message as Subset) },
      context,
      policies,
    ),
});

interface Setting extends Omit<Subset, "subsetSelectors"> {
  readonly selectors: readonly (readonly string[] | Subset_LbSubsetSelector)[];
}

function bench({ selectors, ...more }: Setting): BalancerBench {
  const subsetSelectors = selectors.map((one) => ("length" in one ? { keys: [...one] } : one));
  const config: Subset = { subsetLbPolicy: ROUND_ROBIN!, ...more, subsetSelectors };
  return new BalancerBench(subset.compile(config, new CompileContext(), POLICIES)!);
}

function host(port: number, metadata: object, more: Partial<TestMember> = {}): TestMember {
  return { port, metadata: { "envoy.lb": metadata as Record<string, unknown> }, ...more };
}

const HOSTS: readonly TestMember[] = [
  host(1, { version: "1", stage: "prod" }),
  host(2, { version: "1", stage: "canary" }),
  host(3, { version: "2", stage: "prod" }),
  { port: 4 },
];

/** Ports chosen for these criteria. */
function ports(one: BalancerBench, metadataMatch: JsonObject | null): (number | null)[] {
  const counts = one.count(60, { ...EMPTY_CONTEXT, metadataMatch });
  return [...counts.keys()].sort();
}

const counter = (one: BalancerBench, name: string): number => one.store.root.counter(name).value();
const active = (one: BalancerBench): number => one.store.root.gauge("lb_subsets_active").value();

describe("subsets", () => {
  const setting: Setting = { selectors: [["version"], ["stage", "version"]] };

  it("hold the hosts whose metadata match all criteria of a selector", () => {
    const one = bench(setting).set(HOSTS);
    assert.deepEqual(ports(one, { version: "1" }), [1, 2]);
    assert.deepEqual(ports(one, { version: "2" }), [3]);
    assert.deepEqual(ports(one, { stage: "canary", version: "1" }), [2]);
    assert.equal(counter(one, "lb_subsets_selected"), 180);
    assert.equal(active(one), 5);
    assert.equal(counter(one, "lb_subsets_created"), 5);
  });

  it("are chosen only by exactly the keys of a selector", () => {
    const one = bench(setting).set(HOSTS);
    for (const criteria of [
      { stage: "prod" },
      { version: "1", x: 1 },
      {},
      null,
      { version: "3" },
    ]) {
      assert.deepEqual(ports(one, criteria), [null], JSON.stringify(criteria));
    }
  });

  it("compare values as google.protobuf.Value does", () => {
    const one = bench({ selectors: [["v"]] }).set([
      host(1, { v: "1" }),
      host(2, { v: 1 }),
      host(3, { v: true }),
      host(4, { v: { b: 1, a: [2] } }),
    ]);
    assert.deepEqual(ports(one, { v: "1" }), [1]);
    assert.deepEqual(ports(one, { v: 1 }), [2]);
    assert.deepEqual(ports(one, { v: true }), [3]);
    assert.deepEqual(ports(one, { v: { a: [2], b: 1 } }), [4]);
  });

  it("come and go with their hosts", () => {
    const one = bench(setting).set(HOSTS);
    one.set([host(1, { version: "1" }), host(5, { version: "9" })]);
    assert.equal(active(one), 2);
    assert.equal(counter(one, "lb_subsets_removed"), 4);
    assert.deepEqual(ports(one, { version: "9" }), [5]);
    assert.deepEqual(ports(one, { version: "2" }), [null]);
    one.set([host(1, { version: "3" })]);
    assert.deepEqual(ports(one, { version: "3" }), [1], "metadata of a host may change");
  });

  it("have priorities, health and panic of their own", () => {
    const one = bench({ selectors: [["v"]] }).set([
      host(1, { v: 1 }, { health: "UNHEALTHY" }),
      host(2, { v: 1 }, { priority: 1 }),
      host(3, { v: 2 }, { health: "UNHEALTHY" }),
      host(4, { v: 2 }, { health: "UNHEALTHY" }),
      host(5, { v: 3 }),
    ]);
    assert.deepEqual(ports(one, { v: 1 }), [2]);
    assert.deepEqual(ports(one, { v: 2 }), [3, 4], "panic");
    assert.equal(counter(one, "lb_healthy_panic"), 60);
  });

  it("go over every other policy", () => {
    for (const name of ["round_robin", "least_request", "random", "ring_hash", "maglev"]) {
      const one = bench({ selectors: [["version"]], subsetLbPolicy: child(name)! }).set(HOSTS);
      assert.deepEqual(ports(one, { version: "1" }), [1, 2], name);
    }
  });

  it("may hold a host under each value of a list", () => {
    const list = [host(1, { v: ["a", "b"] }), host(2, { v: "b" }), host(3, { v: [] })];
    const asAny = bench({ selectors: [["v"]], listAsAny: true }).set(list);
    assert.deepEqual(ports(asAny, { v: "a" }), [1]);
    assert.deepEqual(ports(asAny, { v: "b" }), [1, 2]);
    const plain = bench({ selectors: [["v"]] }).set(list);
    assert.deepEqual(ports(plain, { v: "a" }), [null]);
    assert.deepEqual(ports(plain, { v: ["a", "b"] }), [1]);
  });

  it("may take only the keys that a selector asks for", () => {
    const one = bench({ ...setting, allowRedundantKeys: true }).set(HOSTS);
    assert.deepEqual(ports(one, { version: "2", x: 1 }), [3]);
    assert.deepEqual(
      ports(one, { version: "1", stage: "canary" }),
      [1, 2],
      "the first selector counts",
    );
  });
});

describe("a fallback of subsets", () => {
  it("is any host, the default subset, or none", () => {
    const selectors = [["version"]];
    const any = bench({ selectors, fallbackPolicy: "ANY_ENDPOINT" }).set(HOSTS);
    assert.deepEqual(ports(any, { version: "9" }), [1, 2, 3, 4]);
    assert.deepEqual(ports(any, null), [1, 2, 3, 4]);
    assert.equal(counter(any, "lb_subsets_fallback"), 120);
    const byDefault = bench({
      selectors,
      fallbackPolicy: "DEFAULT_SUBSET",
      defaultSubset: { stage: "prod" },
    }).set(HOSTS);
    assert.deepEqual(ports(byDefault, { version: "9" }), [1, 3]);
    const none = bench({ selectors }).set(HOSTS);
    assert.deepEqual(ports(none, null), [null]);
  });

  it("is any host once the default subset has none, with panic_mode_any", () => {
    const one = bench({
      selectors: [["version"]],
      fallbackPolicy: "DEFAULT_SUBSET",
      defaultSubset: { stage: "gone" },
      panicModeAny: true,
    }).set(HOSTS);
    assert.deepEqual(ports(one, { version: "9" }), [1, 2, 3, 4]);
    assert.equal(counter(one, "lb_subsets_fallback_panic"), 60);
  });

  it("may be the selector's own", () => {
    const one = bench({
      fallbackPolicy: "ANY_ENDPOINT",
      defaultSubset: { stage: "canary" },
      selectors: [
        { keys: ["a"], fallbackPolicy: "NO_FALLBACK" },
        { keys: ["b"], fallbackPolicy: "DEFAULT_SUBSET" },
        { keys: ["c"], fallbackPolicy: "ANY_ENDPOINT" },
        { keys: ["d"] },
        {
          keys: ["version", "stage"],
          fallbackPolicy: "KEYS_SUBSET",
          fallbackKeysSubset: ["version"],
        },
        { keys: ["version"], fallbackPolicy: "NO_FALLBACK" },
      ],
    }).set(HOSTS);
    assert.deepEqual(ports(one, { a: 1 }), [null]);
    assert.deepEqual(ports(one, { b: 1 }), [2]);
    assert.deepEqual(ports(one, { c: 1 }), [1, 2, 3, 4]);
    assert.deepEqual(ports(one, { d: 1 }), [1, 2, 3, 4]);
    assert.deepEqual(ports(one, { stage: "gone", version: "1" }), [1, 2]);
    assert.deepEqual(ports(one, { stage: "gone", version: "9" }), [null]);
  });

  it("may be a list of criteria to try in turn", () => {
    const one = bench({
      selectors: [["version"], ["stage"]],
      metadataFallbackPolicy: "FALLBACK_LIST",
    }).set(HOSTS);
    const tryThese = (...fallback_list: JsonObject[]): JsonObject => ({ fallback_list });
    assert.deepEqual(ports(one, tryThese({ version: "9" }, { version: "2" })), [3]);
    assert.deepEqual(ports(one, { version: "9", ...tryThese({}, { version: "1" }) }), [1, 2]);
    assert.deepEqual(ports(one, tryThese({ version: "8" }, { version: "9" })), [null]);
    assert.deepEqual(ports(one, { version: "2", ...tryThese() }), [3]);
    const off = bench({ selectors: [["version"]] }).set(HOSTS);
    assert.deepEqual(ports(off, tryThese({ version: "2" })), [null], "an ordinary key");
  });
});

describe("one host per subset", () => {
  const setting: Setting = { selectors: [{ keys: ["id"], singleHostPerSubset: true }] };

  it("is found whatever its health", () => {
    const one = bench(setting).set([
      host(1, { id: "a" }),
      host(2, { id: "b" }, { health: "UNHEALTHY" }),
    ]);
    assert.deepEqual(ports(one, { id: "a" }), [1]);
    assert.deepEqual(ports(one, { id: "b" }), [2]);
  });

  it("is the first of those that want the place, and the others are counted", () => {
    const one = bench(setting).set([
      host(1, { id: "a" }),
      host(2, { id: "a" }),
      host(3, { id: "a" }, { priority: 1 }),
    ]);
    assert.deepEqual(ports(one, { id: "a" }), [1]);
    const gauge = one.store.root.gauge("lb_subsets_single_host_per_subset_duplicate");
    assert.equal(gauge.value(), 1);
    one.set([host(3, { id: "a" }, { priority: 1 })]);
    assert.deepEqual(ports(one, { id: "a" }), [3]);
    assert.equal(gauge.value(), 0);
  });
});

describe("locality weights of subsets", () => {
  const localityLbConfig = { localityWeightedLbConfig: {} };
  const members = [
    host(1, { v: 1 }, { locality: zone("a") }),
    host(2, { v: 2 }, { locality: zone("a") }),
    host(3, { v: 1 }, { locality: zone("b") }),
  ];
  const shares = (more: Partial<Setting>): (number | undefined)[] => {
    const policy = child("round_robin", { localityLbConfig })!;
    const one = bench({ selectors: [["v"]], subsetLbPolicy: policy, ...more });
    one.set(members, 50, { a: 4, b: 1 });
    const counts = one.count(300, { ...EMPTY_CONTEXT, metadataMatch: { v: 1 } });
    return [counts.get(1), counts.get(3)];
  };

  it("do not count unless asked for", () => assert.deepEqual(shares({}), [150, 150]));

  it("count as they are", () => {
    assert.deepEqual(shares({ localityWeightAware: true }), [240, 60]);
  });

  it("shrink with what is left of a locality", () => {
    assert.deepEqual(shares({ localityWeightAware: true, scaleLocalityWeight: true }), [200, 100]);
  });
});

describe("subset settings", () => {
  const problems = (selector: Subset_LbSubsetSelector): string[] => {
    const context = new CompileContext();
    const config: Subset = { subsetSelectors: [selector], subsetLbPolicy: ROUND_ROBIN! };
    assert.equal(subset.compile(config, context, POLICIES), null);
    return context.diagnostics.map(({ path, message }) => `${path}: ${message}`);
  };
  const at = "subset_selectors[0].fallback_keys_subset: fallback_keys_subset";
  const keys = ["a", "b"];

  it("want a smaller set of keys to fall back to", () => {
    const fallbackPolicy = "KEYS_SUBSET";
    assert.deepEqual(problems({ keys, fallbackPolicy }), [`${at} cannot be empty`]);
    assert.deepEqual(problems({ keys, fallbackPolicy, fallbackKeysSubset: ["c"] }), [
      `${at} must be a subset of selector keys`,
    ]);
    assert.deepEqual(problems({ keys, fallbackPolicy, fallbackKeysSubset: ["b", "a"] }), [
      `${at} cannot be equal to keys`,
    ]);
  });

  it("may stand in lb_subset_config", () => {
    const context = new CompileContext();
    const config = { localityWeightAware: true, subsetSelectors: [{ keys: ["v"] }] };
    assert.equal(
      subset.wrapLegacy!({ name: "c", lbSubsetConfig: config }, {} as never, context),
      null,
    );
    assert.equal(context.diagnostics[0]!.path, "locality_weight_aware");
  });

  it("want a policy within", () => {
    const context = new CompileContext();
    assert.equal(subset.compile({ subsetSelectors: [] }, context, POLICIES), null);
    assert.equal(context.diagnostics[0]!.path, "subset_lb_policy");
  });
});

describe("selectors", () => {
  it("count only where they make the end of a path themselves", () => {
    const selector = (...keys: string[]) => ({
      keys,
      singleHost: false,
      fallback: "NO_FALLBACK" as const,
      fallbackKeys: [],
    });
    const late = new SelectorTree([selector("a", "b"), selector("a")]);
    assert.equal(late.find(["a"]), null);
    assert.deepEqual(late.find(["a", "b"])!.keys, ["a", "b"]);
    const early = new SelectorTree([selector("a"), selector("a", "b")]);
    assert.deepEqual(early.find(["a"])!.keys, ["a"]);
    assert.equal(early.find(["b"]), null);
    assert.equal(early.find([]), null);
  });
});

describe("metadata values", () => {
  it("have keys that tell kinds apart and not the order of fields", () => {
    const values = [
      "1",
      1,
      true,
      "true",
      null,
      "null",
      [1, 2],
      [12],
      ["1,2"],
      {},
      [],
      { a: 1 },
      { a: "1" },
    ];
    assert.equal(new Set(values.map(valueKey)).size, values.length);
    assert.equal(valueKey({ a: 1, b: { d: 1, c: 2 } }), valueKey({ b: { c: 2, d: 1 }, a: 1 }));
  });

  it("multiply lists", () => {
    const metadata = { a: [1, 2], b: ["x", "y"], c: 3 };
    assert.deepEqual(subsetValues(metadata, ["a", "b"], true), [
      [1, "x"],
      [1, "y"],
      [2, "x"],
      [2, "y"],
    ]);
    assert.deepEqual(subsetValues(metadata, ["a", "c"], false), [[[1, 2], 3]]);
    assert.deepEqual(subsetValues(metadata, ["a", "z"], true), []);
    assert.equal(matchesMetadata(metadata, { a: 2 }, true), true);
    assert.equal(matchesMetadata(metadata, { a: 2 }, false), false);
    assert.equal(matchesMetadata(metadata, { z: 2 }, true), false);
    assert.equal(matchesMetadata(metadata, {}, false), true);
  });
});
