/**
 * `overload_manager`: the one monitor that limits connections. Everything else is refused by name.
 * Envoy: `envoy.resource_monitors.global_downstream_max_connections`.
 */
import type { CompileContext } from "../config/compile-context.ts";
import { messageNameOf } from "../config/matcher/compile-match-tree.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import {
  type ConnectionLimit,
  createConnectionCount,
  SharedConnectionLimit,
} from "../network/connection-limit.ts";
import type {
  OverloadManager,
  ResourceMonitor,
} from "../proto/generated/envoy/config/overload/v3.ts";
import type { DownstreamConnectionsConfig } from "../proto/generated/envoy/extensions/resource_monitors/downstream_connections/v3.ts";

const DOWNSTREAM_CONNECTIONS =
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";

/**
 * How many downstream connections may be open; null when nothing limits them. Actions and load-shed
 * points (with their `triggers`) and `minimum_account_to_track_power_of_two` are refused with the
 * field that holds them. `refresh_interval` has nothing to refresh: the count is exact at any time.
 */
export function compileOverloadManager(
  message: OverloadManager | undefined,
  context: CompileContext,
): number | null {
  if (message === undefined) return null;
  for (const [field, present] of [
    ["actions", (message.actions ?? []).length > 0],
    ["loadshed_points", (message.loadshedPoints ?? []).length > 0],
    ["buffer_factory_config", message.bufferFactoryConfig !== undefined],
  ] as const) {
    if (present)
      context.at(field).error("Overload actions are not supported yet", "remove the field");
  }
  let max: number | null = null;
  for (const [index, monitor] of (message.resourceMonitors ?? []).entries()) {
    max = compileMonitor(monitor, context.at("resource_monitors", index)) ?? max;
  }
  return max;
}

function compileMonitor(message: ResourceMonitor, context: CompileContext): number | null {
  const name = messageNameOf(message.typedConfig?.typeUrl ?? "");
  if (name !== DOWNSTREAM_CONNECTIONS) {
    return context
      .at("typed_config")
      .error(
        `Resource monitor ${name === "" ? (message.name ?? "") : name} is not supported yet`,
        "only envoy.resource_monitors.global_downstream_max_connections is",
      );
  }
  const config = (message.typedConfig?.value ?? {}) as DownstreamConnectionsConfig;
  return Number(config.maxActiveDownstreamConnections ?? 0);
}

/** The runtime key that limited connections before the overload manager did. */
const RUNTIME_KEY = "overload.global_downstream_max_connections";

/** One limit for all data planes of the process, as the data plane of that number sees it. */
export function createGlobalLimit(
  configured: number | null,
  runtime: RuntimeSnapshot,
  memory: SharedArrayBuffer = createConnectionCount(1),
  dataPlane: number = 0,
): ConnectionLimit {
  const max = (): number => configured ?? runtime.getInteger(RUNTIME_KEY, Number.MAX_SAFE_INTEGER);
  return new SharedConnectionLimit(memory, max, dataPlane);
}
