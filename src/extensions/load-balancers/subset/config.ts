/**
 * Compiles subset settings, from `lb_subset_config` or the typed policy. Envoy: `SubsetSelector`,
 * `LoadBalancerSubsetInfoImpl` (source/extensions/load_balancing_policies/subset/config.h).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { Cluster_LbSubsetConfig } from "../../../proto/generated/envoy/config/cluster/v3.ts";
import type { Subset } from "../../../proto/generated/envoy/extensions/load_balancing_policies/subset/v3.ts";
import type { JsonObject } from "../../../proto/plain.ts";

export type Fallback = "NO_FALLBACK" | "ANY_ENDPOINT" | "DEFAULT_SUBSET";
export type SelectorFallback = Fallback | "NOT_DEFINED" | "KEYS_SUBSET";

export interface SelectorConfig {
  /** Sorted, each once. */
  readonly keys: readonly string[];
  readonly singleHost: boolean;
  readonly fallback: SelectorFallback;
  /** Of KEYS_SUBSET: what is left of the criteria. */
  readonly fallbackKeys: readonly string[];
}

export interface SubsetConfig {
  readonly fallback: Fallback;
  readonly defaultSubset: JsonObject;
  readonly selectors: readonly SelectorConfig[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  /** When the fallback has no host either, any host will do. */
  readonly panicModeAny: boolean;
  /** A list in a host's metadata stands for each of its values. */
  readonly listAsAny: boolean;
  /** The criterion `fallback_list` holds criteria to try in turn. */
  readonly fallbackList: boolean;
  /** Criteria may have more keys than a selector. */
  readonly allowRedundantKeys: boolean;
}

/** Null after an error was reported. */
export function compileSubsetConfig(
  message: Subset | Cluster_LbSubsetConfig,
  context: CompileContext,
): SubsetConfig | null {
  const before = context.diagnostics.length;
  const selectors = (message.subsetSelectors ?? []).map((selector, index) => {
    const { keys = [], fallbackKeysSubset = [], fallbackPolicy = "NOT_DEFINED" } = selector;
    const compiled: SelectorConfig = {
      keys: sorted(keys),
      singleHost: selector.singleHostPerSubset === true,
      fallback: fallbackPolicy,
      fallbackKeys: sorted(fallbackKeysSubset),
    };
    checkFallbackKeys(compiled, context.at("subset_selectors", index));
    return compiled;
  });
  if (context.diagnostics.slice(before).some(({ severity }) => severity === "error")) return null;
  return Object.freeze({
    fallback: message.fallbackPolicy ?? "NO_FALLBACK",
    defaultSubset: message.defaultSubset ?? {},
    selectors,
    localityWeightAware: message.localityWeightAware === true,
    scaleLocalityWeight: message.scaleLocalityWeight === true,
    panicModeAny: message.panicModeAny === true,
    listAsAny: message.listAsAny === true,
    fallbackList: message.metadataFallbackPolicy === "FALLBACK_LIST",
    allowRedundantKeys: "allowRedundantKeys" in message && message.allowRedundantKeys === true,
  });
}

function checkFallbackKeys(selector: SelectorConfig, context: CompileContext): void {
  if (selector.fallback !== "KEYS_SUBSET") return;
  const at = context.at("fallback_keys_subset");
  const { keys, fallbackKeys } = selector;
  if (fallbackKeys.length === 0) {
    at.error("fallback_keys_subset cannot be empty", "name some of the keys");
  } else if (!fallbackKeys.every((key) => keys.includes(key))) {
    at.error("fallback_keys_subset must be a subset of selector keys", `use ${keys.join(", ")}`);
  } else if (fallbackKeys.length === keys.length) {
    at.error("fallback_keys_subset cannot be equal to keys", "leave at least one key out");
  }
}

function sorted(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)].sort();
}
