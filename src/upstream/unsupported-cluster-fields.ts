/**
 * Fields of a `Cluster` that this proxy does not obey. What would change where traffic goes or how
 * safe it is refuses the cluster; the rest is reported by name.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Cluster } from "../proto/generated/envoy/config/cluster/v3.ts";
import type { TransportSocket } from "../proto/generated/envoy/config/core/v3.ts";

interface UnsupportedField {
  readonly field: string;
  readonly severity: "error" | "warning";
  readonly present: (message: Cluster) => boolean;
  readonly message: string;
  readonly remedy: string;
}

const FIELDS: readonly UnsupportedField[] = [
  {
    field: "transport_socket",
    severity: "error",
    present: (message) => isEncrypted(message.transportSocket),
    message: "TLS is not supported yet",
    remedy: "remove transport_socket, or use envoy.transport_sockets.raw_buffer",
  },
  {
    field: "transport_socket_matches",
    severity: "error",
    present: ({ transportSocketMatches = [] }) =>
      transportSocketMatches.some((one) => isEncrypted(one.transportSocket)),
    message: "TLS is not supported yet",
    remedy: "remove the matches that use TLS",
  },
  {
    field: "transport_socket_matcher",
    severity: "error",
    present: (message) => message.transportSocketMatcher !== undefined,
    message: "transport_socket_matcher is not supported yet",
    remedy: "remove the field",
  },
  {
    field: "filters",
    severity: "error",
    present: (message) => (message.filters ?? []).length > 0,
    message: "Upstream network filters are not supported yet",
    remedy: "remove the filters",
  },
  {
    field: "upstream_config",
    severity: "error",
    present: (message) => message.upstreamConfig !== undefined,
    message: "Custom upstreams are not supported yet",
    remedy: "remove the field",
  },
  {
    field: "connection_pool_per_downstream_connection",
    severity: "error",
    present: (message) => message.connectionPoolPerDownstreamConnection === true,
    message: "A pool per downstream connection is not supported yet",
    remedy: "remove the field",
  },
  {
    field: "lrs_server",
    severity: "warning",
    present: (message) => message.lrsServer !== undefined,
    message: "Load reports are not sent yet",
    remedy: "",
  },
  {
    field: "track_cluster_stats.per_endpoint_stats",
    severity: "warning",
    present: (message) => message.trackClusterStats?.perEndpointStats === true,
    message: "Stats per endpoint are on the /clusters page only",
    remedy: "",
  },
  {
    field: "common_lb_config.update_merge_window",
    severity: "warning",
    present: ({ commonLbConfig }) => {
      const window = commonLbConfig?.updateMergeWindow;
      return window !== undefined && (window.seconds > 0 || window.nanos > 0);
    },
    message: "Updates are applied at once",
    remedy: "set it to 0s",
  },
  {
    field: "ring_hash_lb_config",
    severity: "warning",
    present: ({ ringHashLbConfig, ...message }) =>
      ringHashLbConfig !== undefined && !usesPolicy(message, "RING_HASH"),
    message: "Only lb_policy RING_HASH reads it",
    remedy: "set lb_policy: RING_HASH, or remove the field",
  },
  {
    field: "maglev_lb_config",
    severity: "warning",
    present: ({ maglevLbConfig, ...message }) =>
      maglevLbConfig !== undefined && !usesPolicy(message, "MAGLEV"),
    message: "Only lb_policy MAGLEV reads it",
    remedy: "set lb_policy: MAGLEV, or remove the field",
  },
  {
    field: "original_dst_lb_config",
    severity: "warning",
    present: (message) =>
      message.originalDstLbConfig !== undefined && message.type !== "ORIGINAL_DST",
    message: "It goes only with clusters of type ORIGINAL_DST",
    remedy: "set type: ORIGINAL_DST and lb_policy: CLUSTER_PROVIDED",
  },
  {
    field: "cleanup_interval",
    severity: "warning",
    present: (message) => message.cleanupInterval !== undefined && message.type !== "ORIGINAL_DST",
    message: "It goes only with clusters of type ORIGINAL_DST",
    remedy: "",
  },
  {
    field: "lrs_report_endpoint_metrics",
    severity: "warning",
    present: (message) => (message.lrsReportEndpointMetrics ?? []).length > 0,
    message: "Load reports are not sent yet",
    remedy: "",
  },
  {
    field: "metadata.typed_filter_metadata",
    severity: "warning",
    present: ({ metadata }) => metadata?.typedFilterMetadata !== undefined,
    message: "Nothing reads typed metadata",
    remedy: "use filter_metadata",
  },
];

/** Reports every field found; errors refuse the cluster. */
export function reportUnsupportedClusterFields(message: Cluster, context: CompileContext): void {
  for (const one of FIELDS) {
    if (!one.present(message)) continue;
    const at = context.at(one.field);
    if (one.severity === "error") at.error(one.message, one.remedy);
    else at.warn(one.message, one.remedy);
  }
}

function usesPolicy(message: Cluster, lbPolicy: string): boolean {
  return message.loadBalancingPolicy === undefined && message.lbPolicy === lbPolicy;
}

/** Anything other than plain bytes. */
function isEncrypted(socket: TransportSocket | undefined): boolean {
  if (socket === undefined) return false;
  const type = socket.typedConfig?.typeUrl ?? "";
  if (type !== "")
    return !type.endsWith("/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer");
  return socket.name !== "envoy.transport_sockets.raw_buffer";
}
