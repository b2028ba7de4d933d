/**
 * Which load-balancing policy a cluster has: `load_balancing_policy` or `lb_policy` and the fields
 * beside it. Envoy: `ClusterInfoImpl::configureLbPolicies`
 * (source/common/upstream/upstream_impl.cc).
 */
import type { CompileContext } from "../config/compile-context.ts";
import type {
  Cluster,
  LoadBalancingPolicy as LoadBalancingPolicyMessage,
} from "../proto/generated/envoy/config/cluster/v3.ts";
import type { TypedExtensionConfig } from "../proto/generated/envoy/config/core/v3.ts";
import type { JsonObject } from "../proto/plain.ts";
import type { DiscoveryConfig } from "./discovery.ts";
import type { LoadBalancerFactory, LoadBalancingPolicy } from "./load-balancer.ts";

/** The policy that leaves the choice to the cluster itself. */
const CLUSTER_PROVIDED = "envoy.load_balancing_policies.cluster_provided";
/** Wraps the others; named by `lb_subset_config`, not by `lb_policy`. */
const SUBSET = "envoy.load_balancing_policies.subset";

/** Fields of `common_lb_config` that have their place in the typed policies. */
const PARTIAL_FIELDS = [
  ["zoneAwareLbConfig", "zone_aware_lb_config"],
  ["localityWeightedLbConfig", "locality_weighted_lb_config"],
  ["consistentHashingLbConfig", "consistent_hashing_lb_config"],
] as const;

/** Null after an error was reported. */
export function compilePolicy(
  message: Cluster,
  factories: readonly LoadBalancerFactory[],
  context: CompileContext,
): LoadBalancingPolicy | null {
  if (message.loadBalancingPolicy !== undefined) {
    reportLegacyFields(message, context);
    const compiler = new PolicyCompiler(factories, message.name ?? "");
    return compiler.compile(message.loadBalancingPolicy, context.at("load_balancing_policy"));
  }
  const name = message.lbPolicy ?? "ROUND_ROBIN";
  if (name === "LOAD_BALANCING_POLICY_CONFIG") {
    return context
      .at("load_balancing_policy")
      .error("lb_policy asks for load_balancing_policy, which is not set", "set it");
  }
  if (!checkHostnameHashing(message, context)) return null;
  const factory = factories.find((one) => one.lbPolicy === name);
  if (factory === undefined) {
    return context
      .at("lb_policy")
      .error(
        `Load balancing policy ${name} is not supported`,
        `use ${listed(factories, "lbPolicy")}`,
      );
  }
  const policy = factory.compileLegacy(message, context);
  return policy === null ? null : withSubsets(message, policy, factories, context);
}

/** Envoy: `ClusterFactoryImplBase::create`; typed policies are not checked for it. */
function checkHostnameHashing(message: Cluster, context: CompileContext): boolean {
  const hashing = message.commonLbConfig?.consistentHashingLbConfig;
  const { type = "STATIC", clusterType } = message;
  const named = clusterType !== undefined || type !== "STRICT_DNS";
  if (hashing?.useHostnameForHashing !== true || !named) return true;
  const word = clusterType?.name ?? `envoy.cluster.${type.toLowerCase()}`;
  context
    .at("common_lb_config")
    .at("consistent_hashing_lb_config")
    .at("use_hostname_for_hashing")
    .error(
      `Cannot use hostname for consistent hashing loadbalancing for cluster of type: '${word}'`,
      "use type STRICT_DNS, or set it in load_balancing_policy",
    );
  return false;
}

/** `lb_subset_config` without selectors does nothing. */
function withSubsets(
  message: Cluster,
  policy: LoadBalancingPolicy,
  factories: readonly LoadBalancerFactory[],
  context: CompileContext,
): LoadBalancingPolicy | null {
  if ((message.lbSubsetConfig?.subsetSelectors ?? []).length === 0) return policy;
  const at = context.at("lb_subset_config");
  if (policy.name === CLUSTER_PROVIDED) {
    return at.error(
      "cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config",
      "remove lb_subset_config",
    );
  }
  const subset = factories.find((one) => one.name === SUBSET);
  return subset?.wrapLegacy?.(message, policy, at) ?? null;
}

/** Compiles lists of policies, also those within policies. */
export class PolicyCompiler {
  private readonly factories: readonly LoadBalancerFactory[];
  private readonly clusterName: string;

  constructor(factories: readonly LoadBalancerFactory[], clusterName: string) {
    this.factories = factories;
    this.clusterName = clusterName;
  }

  /** The first policy of the list that is known counts. Null after an error was reported. */
  compile(
    message: LoadBalancingPolicyMessage,
    context: CompileContext,
  ): LoadBalancingPolicy | null {
    const policies = message.policies ?? [];
    for (let index = 0; index < policies.length; index++) {
      const extension = policies[index]?.typedExtensionConfig ?? {};
      const at = context.at("policies", index).at("typed_extension_config").at("typed_config");
      const { factory, config } = this.find(extension);
      if (factory !== undefined) return factory.compile(config, at, this);
    }
    const names = policies.map((one) => one.typedExtensionConfig?.name ?? "");
    return context.error(
      `Didn't find a registered load balancer factory for cluster '${this.clusterName}' with names from [${names.join(", ")}]`,
      `the known ones are ${listed(this.factories, "name")}`,
    );
  }

  /** By the type of the configuration; policies without a message of their own also by name. */
  private find(extension: TypedExtensionConfig): {
    factory: LoadBalancerFactory | undefined;
    config: unknown;
  } {
    const { typedConfig } = extension;
    const typeUrl = typedConfig?.typeUrl ?? "";
    const byType = this.factories.find(
      (one) => one.messageType !== "" && typeUrl.endsWith(`/${one.messageType}`),
    );
    if (byType !== undefined) return { factory: byType, config: typedConfig?.value ?? {} };
    const inner = typeUrl.endsWith(".TypedStruct")
      ? (typedConfig?.value as { typeUrl?: string; value?: JsonObject })
      : null;
    const name = inner?.typeUrl?.replace(/^.*\//, "") ?? (typeUrl === "" ? extension.name : "");
    const byName = this.factories.find((one) => one.messageType === "" && one.name === name);
    return { factory: byName, config: inner?.value ?? {} };
  }
}

/** A typed policy says it all: older fields beside it would contradict or mislead. */
function reportLegacyFields(message: Cluster, context: CompileContext): void {
  if (message.lbSubsetConfig !== undefined) {
    context
      .at("lb_subset_config")
      .error(
        "cluster: load_balancing_policy and lb_subset_config cannot both be set",
        "use the subset policy in load_balancing_policy",
      );
  }
  for (const [field, name] of PARTIAL_FIELDS) {
    if (message.commonLbConfig?.[field] === undefined) continue;
    context
      .at("common_lb_config")
      .at(name)
      .error(
        `cluster: load_balancing_policy cannot be combined with partial fields (zone_aware_lb_config, locality_weighted_lb_config, consistent_hashing_lb_config) of common_lb_config`,
        "set it in the policy",
      );
  }
}

/** A cluster that brings its own load balancer takes no other policy, and the other way round. */
export function checkProvidedBalancer(
  message: Cluster,
  discovery: DiscoveryConfig | null,
  policy: LoadBalancingPolicy | null,
  context: CompileContext,
): void {
  if (discovery === null || policy === null) return;
  const provides = discovery.providesLoadBalancer === true;
  const wants = policy.name === CLUSTER_PROVIDED;
  if (provides === wants) return;
  const type = message.clusterType?.name ?? discovery.type;
  const at = context.at(
    message.loadBalancingPolicy === undefined ? "lb_policy" : "load_balancing_policy",
  );
  if (wants) {
    at.error(
      `cluster: cluster provided LB specified but cluster '${message.name ?? ""}' did not provide one`,
      "choose another policy",
    );
  } else {
    at.error(
      `cluster: LB policy ${policy.name} is not valid for Cluster type ${type}`,
      "set lb_policy: CLUSTER_PROVIDED",
    );
  }
}

/** The names that there are, for a remedy. */
export function listed<Key extends string>(
  factories: readonly Readonly<Record<Key, string>>[],
  key: Key,
): string {
  return factories
    .map((one) => one[key])
    .filter((text) => text !== "")
    .join(", ");
}
