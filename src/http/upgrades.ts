/**
 * Whether a request may leave HTTP: WebSocket and its kind, and CONNECT. A refused upgrade closes
 * the connection, since the client may already have sent bytes of the other protocol. Envoy:
 * `FilterManager::createFilterChain` on upgrades.
 */
import { isUpgrade } from "../codec/h1/upgrade.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { Route } from "../route/route.ts";
import type { ConnectionManagerRuntime } from "./connection-manager-runtime.ts";
import type { LocalReply } from "./local-reply.ts";
import type { HttpFilterEntry } from "./stream-filters.ts";

export const UPGRADE_REFUSED: LocalReply = { status: 403, body: "", details: "upgrade_failed" };

/** CONNECT, or an upgrade to another protocol. */
export function asksForTunnel(headers: RequestHeaderMap): boolean {
  return headers.method === "CONNECT" || isUpgrade(headers);
}

/** The filters for an upgrade or CONNECT request; null when it is refused. */
export function chooseUpgrade(
  headers: RequestHeaderMap,
  route: Route | null,
  runtime: ConnectionManagerRuntime,
): readonly HttpFilterEntry[] | null {
  const type = upgradeType(headers);
  const byRoute = route?.entry?.upgrades.get(type);
  if (byRoute === false) return null;
  const byManager = runtime.config.upgrades.get(type);
  // Without a route the router answers 404; the upgrade itself is then beside the point.
  if (byRoute !== true && byManager !== true && route !== null) return null;
  return runtime.upgradeFilters.get(type) ?? runtime.filters;
}

function upgradeType(headers: RequestHeaderMap): string {
  return headers.method === "CONNECT"
    ? "connect"
    : (headers.get(Headers.Upgrade) ?? "").toLowerCase();
}
