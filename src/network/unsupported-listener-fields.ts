/**
 * Fields of a `Listener` that this proxy does not obey. What would change where traffic goes
 * refuses the listener; what only tunes a socket is reported.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Listener } from "../proto/generated/envoy/config/listener/v3.ts";

interface UnsupportedField {
  readonly field: string;
  readonly severity: "error" | "warning";
  readonly present: (message: Listener) => boolean;
  readonly message: string;
  readonly remedy: string;
}

const FIELDS: readonly UnsupportedField[] = [
  {
    field: "udp_listener_config",
    severity: "error",
    present: (message) => message.udpListenerConfig !== undefined,
    message: "UDP listeners are not supported",
    remedy: "remove the listener",
  },
  {
    field: "api_listener",
    severity: "error",
    present: (message) => message.apiListener !== undefined,
    message: "API listeners are not for proxies",
    remedy: "use filter_chains",
  },
  {
    field: "internal_listener",
    severity: "error",
    present: (message) => message.internalListener !== undefined,
    message: "Internal listeners are not supported",
    remedy: "give the listener a socket address",
  },
  {
    field: "fcds_config",
    severity: "error",
    present: (message) => message.fcdsConfig !== undefined,
    message: "Filter chain discovery is not supported",
    remedy: "write filter_chains into the listener",
  },
  {
    field: "transparent",
    severity: "error",
    present: (message) => message.transparent === true,
    message: "IP_TRANSPARENT is not supported",
    remedy: "redirect with iptables REDIRECT and use_original_dst",
  },
  {
    field: "freebind",
    severity: "warning",
    present: (message) => message.freebind === true,
    message: "IP_FREEBIND is not set: binding to an address this machine lacks fails",
    remedy: "bind to 0.0.0.0 or ::",
  },
  {
    field: "socket_options",
    severity: "warning",
    present: (message) => (message.socketOptions ?? []).length > 0,
    message: "socket_options are not applied",
    remedy: "set them system-wide (sysctl)",
  },
  {
    field: "tcp_fast_open_queue_length",
    severity: "warning",
    present: (message) => (message.tcpFastOpenQueueLength ?? 0) > 0,
    message: "TCP Fast Open is not used",
    remedy: "remove the field",
  },
  {
    field: "enable_mptcp",
    severity: "warning",
    present: (message) => message.enableMptcp === true,
    message: "Multipath TCP is not used: peers fall back to TCP",
    remedy: "remove the field",
  },
  {
    field: "connection_balance_config",
    severity: "warning",
    present: (message) => message.connectionBalanceConfig !== undefined,
    message:
      "exact_balance and extend_balance are not available (the runtime cannot hand a connection " +
      "to another thread): the kernel shares connections out among the workers",
    remedy: "remove the field",
  },
  {
    field: "max_connections_to_accept_per_socket_event",
    severity: "warning",
    present: (message) => message.maxConnectionsToAcceptPerSocketEvent !== undefined,
    message: "Pending connections are all accepted at each event",
    remedy: "remove the field",
  },
  {
    field: "reuse_port",
    severity: "warning",
    present: (message) => message.reusePort !== undefined,
    message: "reuse_port has no effect",
    remedy: "use enable_reuse_port",
  },
  {
    field: "tcp_keepalive",
    severity: "warning",
    present: ({ tcpKeepalive }) =>
      tcpKeepalive?.keepaliveProbes !== undefined || tcpKeepalive?.keepaliveInterval !== undefined,
    message: "keepalive_probes and keepalive_interval are the platform's own",
    remedy: "set keepalive_time only",
  },
  {
    field: "metadata.typed_filter_metadata",
    severity: "warning",
    present: ({ metadata }) => metadata?.typedFilterMetadata !== undefined,
    message: "Nothing reads typed metadata",
    remedy: "use filter_metadata",
  },
];

/** False when a field refuses the listener. */
export function reportUnsupportedListenerFields(
  message: Listener,
  context: CompileContext,
): boolean {
  let ok = true;
  for (const { field, severity, present, message: text, remedy } of FIELDS) {
    if (!present(message)) continue;
    if (severity === "warning") {
      context.at(field).warn(text, remedy);
    } else {
      context.at(field).error(text, remedy);
      ok = false;
    }
  }
  return ok;
}
