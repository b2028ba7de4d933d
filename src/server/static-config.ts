/**
 * What a bootstrap says about listeners and clusters, as an update to the data plane, with what a
 * reload must remove.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { formatSocketAddress } from "../platform/sockets.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { Address } from "../proto/generated/envoy/config/core/v3.ts";
import type { Listener } from "../proto/generated/envoy/config/listener/v3.ts";
import type { ConfigUpdate } from "./data-plane.ts";
import type { ResourceKind } from "./unsupported-registry.ts";

/** Names of the static resources in force, in the order of the bootstrap. */
export interface StaticNames {
  readonly clusters: readonly string[];
  readonly listeners: readonly string[];
}

export const NO_STATIC_NAMES: StaticNames = { clusters: [], listeners: [] };

export function staticNames(bootstrap: Bootstrap): StaticNames {
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
  return {
    clusters: clusters.map(({ name }) => name ?? ""),
    listeners: listeners.map(listenerName),
  };
}

/**
 * The name of a listener, or for one without a name its addresses. Envoy gives a random name; ours
 * stays the same when the file is read again.
 */
export function listenerName({ name, address, additionalAddresses }: Listener): string {
  if (name !== undefined && name !== "") return name;
  const all = [address, ...(additionalAddresses ?? []).map((one) => one.address)];
  return `listener:${all.map(addressText).join(",")}`;
}

function addressText(address: Address | undefined): string {
  if (address?.pipe !== undefined) return address.pipe.path ?? "";
  const { address: ip = "", portValue = 0 } = address?.socketAddress ?? {};
  return formatSocketAddress({ ip, port: portValue });
}

export function withName(listener: Listener): Listener {
  return { ...listener, name: listenerName(listener) };
}

/** The update from `before` to `bootstrap`. */
export function staticUpdate(bootstrap: Bootstrap, before: StaticNames): ConfigUpdate {
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
  const names = staticNames(bootstrap);
  return {
    clusters: clusters.map((message, index) => ({
      message,
      path: `static_resources.clusters[${index}]`,
      source: "static",
    })),
    removedClusters: missing(before.clusters, names.clusters).map((name) => ({
      name,
      source: "static",
    })),
    listeners: listeners.map((message, index) => ({
      message: withName(message),
      path: `static_resources.listeners[${index}]`,
    })),
    removedListeners: missing(before.listeners, names.listeners),
    allOrNothing: true,
    clustersMayFollow: bootstrap.dynamicResources?.cdsConfig !== undefined,
  };
}

/** After a reload that came into force in part: what may have to be removed by the next one. */
export function bothNames(before: StaticNames, now: StaticNames): StaticNames {
  return {
    clusters: [...new Set([...before.clusters, ...now.clusters])],
    listeners: [...new Set([...before.listeners, ...now.listeners])],
  };
}

export function missing(before: readonly string[], now: readonly string[]): string[] {
  const present = new Set(now);
  return before.filter((name) => !present.has(name));
}

/** Diagnostics of one resource. */
export interface ResourceDiagnostics {
  readonly kind: ResourceKind;
  readonly resource: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Sorts diagnostics of a bootstrap by the resource that their path points into. */
export function byStaticResource(
  diagnostics: readonly Diagnostic[],
  names: StaticNames,
): ResourceDiagnostics[] {
  const groups = new Map<string, ResourceDiagnostics & { diagnostics: Diagnostic[] }>();
  for (const diagnostic of diagnostics) {
    const place = /^static_resources\.(cluster|listener)s\[(\d+)\]/.exec(diagnostic.path);
    const kind = (place?.[1] ?? "bootstrap") as ResourceKind;
    const list = kind === "cluster" ? names.clusters : names.listeners;
    const resource = place === null ? "" : (list[Number(place[2])] ?? "");
    const key = `${kind}\n${resource}`;
    const group = groups.get(key) ?? { kind, resource, diagnostics: [] };
    group.diagnostics.push(diagnostic);
    groups.set(key, group);
  }
  return [...groups.values()];
}
