/**
 * Compiles a ClusterLoadAssignment: who the members are, with weight, locality, priority and
 * health. Envoy: `PriorityStateManager`, `ClusterLoadAssignment` (api/envoy/config/endpoint/v3).
 */
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import type { Metadata } from "../network/stream-info.ts";
import { formatSocketAddress, type SocketAddress } from "../platform/sockets.ts";
import type { Metadata as MetadataMessage } from "../proto/generated/envoy/config/core/v3.ts";
import type {
  ClusterLoadAssignment,
  Endpoint as EndpointMessage,
  LbEndpoint,
  LocalityLbEndpoints,
} from "../proto/generated/envoy/config/endpoint/v3.ts";
import {
  compileEndpointHealthCheck,
  describeHealthCheck,
  type EndpointHealthCheck,
} from "./health/endpoint-health-check.ts";
import type { HostDescription, Locality } from "./host.ts";
import type { Membership } from "./host-set.ts";
import { EMPTY_LOCALITY, localityKey } from "./locality.ts";
import { compileTargetAddress } from "./upstream-address.ts";

/** One configured endpoint; its address may still be a name. */
export interface EndpointConfig {
  /** `ip` is an IP address or a DNS name. */
  readonly address: SocketAddress;
  readonly additionalAddresses: readonly SocketAddress[];
  /** Set explicitly; "" otherwise. */
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: Locality;
  readonly metadata: Metadata | null;
  readonly health: HostDescription["health"];
  readonly healthCheck: EndpointHealthCheck | null;
}

export interface LoadAssignmentConfig {
  readonly endpoints: readonly EndpointConfig[];
  readonly localityWeights: ReadonlyMap<string, number>;
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  readonly dropOverload: number;
  /** Without a newer assignment the endpoints go after this time; 0 = never. */
  readonly staleAfterMs: number;
}

const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;
/** Envoy: `kDefaultOverProvisioningFactor`. */
const OVERPROVISIONING_FACTOR = 140;
const WEIGHT_SUM_MAX = 2 ** 32 - 1;

/** `names`: addresses are DNS names. Null after an error was reported. */
export function compileLoadAssignment(
  message: ClusterLoadAssignment,
  names: boolean,
  context: CompileContext,
): LoadAssignmentConfig | null {
  const before = context.diagnostics.length;
  const endpoints: EndpointConfig[] = [];
  const localityWeights = new Map<string, number>();
  const groups = message.endpoints ?? [];
  groups.forEach((group, index) => {
    const at = context.at("endpoints", index);
    addGroup(group, names, endpoints, at);
    if (group.loadBalancingWeight !== undefined) {
      const key = localityKey(compileLocality(group), group.priority ?? 0);
      localityWeights.set(key, group.loadBalancingWeight);
    }
  });
  checkWeightSums(groups, context);
  reportNamed(message, context);
  const dropOverload = compileDropOverload(message, context);
  const failed = context.diagnostics.slice(before).some((one) => one.severity === "error");
  if (failed) return null;
  return {
    endpoints,
    localityWeights,
    overprovisioningFactor: message.policy?.overprovisioningFactor ?? OVERPROVISIONING_FACTOR,
    weightedPriorityHealth: message.policy?.weightedPriorityHealth === true,
    dropOverload,
    staleAfterMs: durationMs(message.policy?.endpointStaleAfter, 0),
  };
}

/**
 * The members when every address is known already. An address that is listed twice is two members
 * (Envoy: STATIC) or, without `keepDuplicates`, one (EDS).
 */
export function fixedMembership(config: LoadAssignmentConfig, keepDuplicates: boolean): Membership {
  const seen = new Map<string, number>();
  const hosts = config.endpoints.map((endpoint) => {
    const host = describe(endpoint, endpoint.address);
    const copies = seen.get(host.addressText) ?? 0;
    seen.set(host.addressText, copies + 1);
    return copies > 0 && keepDuplicates
      ? Object.freeze({ ...host, identity: `${host.addressText}#${copies}` })
      : host;
  });
  return {
    hosts,
    localityWeights: config.localityWeights,
    overprovisioningFactor: config.overprovisioningFactor,
    weightedPriorityHealth: config.weightedPriorityHealth,
    dropOverload: config.dropOverload,
  };
}

/** A host of an endpoint at a resolved address. */
export function describe(endpoint: EndpointConfig, address: SocketAddress): HostDescription {
  const addressText = formatSocketAddress(address);
  return Object.freeze({
    address,
    additionalAddresses: endpoint.additionalAddresses,
    addressText,
    identity: addressText,
    hostname: endpoint.hostname,
    locality: endpoint.locality,
    metadata: endpoint.metadata,
    weight: endpoint.weight,
    priority: endpoint.priority,
    health: endpoint.health,
    healthCheck: describeHealthCheck(endpoint.healthCheck, address),
    canary: endpoint.metadata?.["envoy.lb"]?.["canary"] === true,
  });
}

/** Filter metadata by namespace, or null. */
export function compileMetadata(message: MetadataMessage | undefined): Metadata | null {
  const metadata = message?.filterMetadata;
  return metadata === undefined ? null : (metadata as Metadata);
}

function addGroup(
  group: LocalityLbEndpoints,
  names: boolean,
  endpoints: EndpointConfig[],
  context: CompileContext,
): void {
  if (group.ledsClusterLocalityConfig !== undefined) {
    context
      .at("leds_cluster_locality_config")
      .error("Locality endpoint discovery is not supported yet", "write lb_endpoints");
    return;
  }
  if (group.proximity !== undefined) {
    context.at("proximity").warn("No policy looks at the proximity of localities");
  }
  if (group.metadata !== undefined) {
    context.at("metadata").warn("Metadata of localities is not used", "give it to each endpoint");
  }
  const list = group.lbEndpoints ?? group.loadBalancerEndpoints?.lbEndpoints ?? [];
  const locality = compileLocality(group);
  list.forEach((one, index) => {
    const at = context.at("lb_endpoints", index);
    const endpoint = compileEndpoint(one, names, at);
    if (endpoint === null) return;
    endpoints.push({ ...endpoint, locality, priority: group.priority ?? 0 });
  });
}

function compileEndpoint(
  message: LbEndpoint,
  names: boolean,
  context: CompileContext,
): EndpointConfig | null {
  if (message.endpointName !== undefined) {
    return context
      .at("endpoint_name")
      .error("Named endpoints are not supported", "write the endpoint itself");
  }
  const endpoint = message.endpoint ?? {};
  const at = context.at("endpoint");
  reportTypedMetadata(message.metadata, context);
  const address = compileTargetAddress(endpoint.address, names, at.at("address"));
  if (address === null) return null;
  const healthCheck = compileEndpointHealthCheck(endpoint.healthCheckConfig, address, at);
  return {
    address,
    additionalAddresses: compileAdditional(endpoint, at),
    hostname: endpoint.hostname ?? "",
    weight: message.loadBalancingWeight ?? 1,
    priority: 0,
    locality: EMPTY_LOCALITY,
    metadata: compileMetadata(message.metadata),
    health: message.healthStatus ?? "UNKNOWN",
    healthCheck,
  };
}

function compileAdditional(
  endpoint: EndpointMessage,
  context: CompileContext,
): readonly SocketAddress[] {
  const addresses: SocketAddress[] = [];
  (endpoint.additionalAddresses ?? []).forEach((one, index) => {
    const at = context.at("additional_addresses", index).at("address");
    const address = compileTargetAddress(one.address, false, at);
    if (address !== null) addresses.push(address);
  });
  return addresses;
}

function compileLocality(group: LocalityLbEndpoints): Locality {
  const { region = "", zone = "", subZone = "" } = group.locality ?? {};
  return region === "" && zone === "" && subZone === ""
    ? EMPTY_LOCALITY
    : Object.freeze({ region, zone, subZone });
}

function checkWeightSums(groups: readonly LocalityLbEndpoints[], context: CompileContext): void {
  const byPriority = new Map<number, number>();
  for (const group of groups) {
    const priority = group.priority ?? 0;
    const sum = (byPriority.get(priority) ?? 0) + (group.loadBalancingWeight ?? 0);
    byPriority.set(priority, sum);
  }
  if ([...byPriority.values()].every((sum) => sum <= WEIGHT_SUM_MAX)) return;
  context.error(
    "The sum of weights of all localities at the same priority exceeds 4294967295",
    "use smaller weights in the same proportion",
  );
}

function reportTypedMetadata(message: MetadataMessage | undefined, context: CompileContext): void {
  if (message?.typedFilterMetadata === undefined) return;
  context
    .at("metadata")
    .at("typed_filter_metadata")
    .warn("Nothing reads typed metadata", "use filter_metadata");
}

function reportNamed(message: ClusterLoadAssignment, context: CompileContext): void {
  if (message.namedEndpoints === undefined) return;
  context
    .at("named_endpoints")
    .warn("Named endpoints are not supported: only lb_endpoints are used", "write lb_endpoints");
}

/** `drop_overloads`: the share of requests that are refused, 0 … 1. */
function compileDropOverload(message: ClusterLoadAssignment, context: CompileContext): number {
  const drops = message.policy?.dropOverloads ?? [];
  if (drops.length > 1) {
    context
      .at("policy")
      .at("drop_overloads")
      .error(
        `Cluster drop_overloads config has ${drops.length} categories. Envoy only support one.`,
        "add the percentages up in one category",
      );
  }
  const { numerator = 0, denominator = "HUNDRED" } = drops[0]?.dropPercentage ?? {};
  return Math.min(1, numerator / DENOMINATORS[denominator]);
}
