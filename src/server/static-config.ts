/**
 * What a bootstrap says about listeners and clusters, as an update to the data plane, with what a
 * reload must remove.
 */
import { CompileContext } from "../config/compile-context.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { ConfigUpdate } from "./data-plane.ts";

/** Names of the static resources in force. */
export interface StaticNames {
  readonly clusters: ReadonlySet<string>;
  readonly listeners: ReadonlySet<string>;
}

export const NO_STATIC_NAMES: StaticNames = { clusters: new Set(), listeners: new Set() };

export function staticNames(bootstrap: Bootstrap): StaticNames {
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
  return {
    clusters: new Set(clusters.map(({ name }) => name ?? "")),
    listeners: new Set(listeners.map(({ name }) => name ?? "")),
  };
}

/** The update from `before` to `bootstrap`. */
export function staticUpdate(bootstrap: Bootstrap, before: StaticNames): ConfigUpdate {
  const root = new CompileContext().at("static_resources");
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
  const names = staticNames(bootstrap);
  return {
    clusters: clusters.map((message, index) => ({ message, context: root.at("clusters", index), source: "static" })),
    removedClusters: missing(before.clusters, names.clusters).map((name) => ({ name, source: "static" })),
    listeners: listeners.map((message, index) => ({ message, context: root.at("listeners", index) })),
    removedListeners: missing(before.listeners, names.listeners),
    clustersMayFollow: bootstrap.dynamicResources?.cdsConfig !== undefined,
  };
}

function missing(before: ReadonlySet<string>, now: ReadonlySet<string>): string[] {
  return [...before].filter((name) => !now.has(name));
}
