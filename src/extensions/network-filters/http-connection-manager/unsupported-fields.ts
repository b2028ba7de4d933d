/**
 * Fields of HttpConnectionManager that are not obeyed yet: each is refused or reported by name,
 * never dropped.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";

type Field = keyof HttpConnectionManager;

/** What changes routing, safety or what peers see is refused. */
const REFUSED: readonly (readonly [Field, string, string, string])[] = [
  [
    "scopedRoutes",
    "scoped_routes",
    "Scoped routes are not supported yet",
    "use route_config or rds",
  ],
  [
    "typedHeaderValidationConfig",
    "typed_header_validation_config",
    "Header validators are not supported",
    "remove the field: checks are always strict",
  ],
  [
    "pathNormalizationOptions",
    "path_normalization_options",
    "Path transformations are not supported",
    "use normalize_path and merge_slashes",
  ],
  [
    "forwardClientCertMatcher",
    "forward_client_cert_matcher",
    "Matching client certificate forwarding is not supported yet",
    "use forward_client_cert_details",
  ],
  [
    "representIpv4RemoteAddressAsIpv4MappedIpv6",
    "represent_ipv4_remote_address_as_ipv4_mapped_ipv6",
    "Mapped addresses are not supported",
    "remove the field",
  ],
];

/** What only adds observation or concerns other protocols is reported. */
const REPORTED: readonly (readonly [Field, string, string])[] = [
  ["tracing", "tracing", "Tracing is not supported yet: no spans are made"],
  [
    "http2ProtocolOptions",
    "http2_protocol_options",
    "HTTP/2 is not supported yet: the options have no effect",
  ],
  [
    "http3ProtocolOptions",
    "http3_protocol_options",
    "HTTP/3 is not supported: the options have no effect",
  ],
  [
    "setCurrentClientCertDetails",
    "set_current_client_cert_details",
    "TLS is not supported yet: there is no client certificate",
  ],
  [
    "addProxyProtocolConnectionState",
    "add_proxy_protocol_connection_state",
    "PROXY protocol to upstreams is not supported yet: the field has no effect",
  ],
];

const SCHEME_REMEDY = "use scheme_to_overwrite";

export function reportUnsupported(message: HttpConnectionManager, context: CompileContext): void {
  for (const [field, name, problem, remedy] of REFUSED) {
    const value = message[field];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0))
      continue;
    context.at(name).error(problem, remedy);
  }
  for (const [field, name, problem] of REPORTED) {
    if (message[field] !== undefined) context.at(name).warn(problem);
  }
  if (message.accessLogOptions?.accessLogFlushInterval !== undefined) {
    context
      .at("access_log_options")
      .at("access_log_flush_interval")
      .warn("Periodic access logs are not supported yet");
  }
  const flush = message.streamFlushTimeout;
  if (flush !== undefined && (flush.seconds > 0 || flush.nanos > 0)) {
    context
      .at("stream_flush_timeout")
      .warn("A timeout for flushing is not supported yet: stream_idle_timeout counts");
  }
  if (message.schemeHeaderTransformation?.matchUpstream === true) {
    context
      .at("scheme_header_transformation")
      .at("match_upstream")
      .warn("TLS is not supported yet: upstreams get the scheme of the request", SCHEME_REMEDY);
  }
  const details = message.forwardClientCertDetails;
  if (details !== undefined && details !== "SANITIZE" && details !== "ALWAYS_FORWARD_ONLY") {
    context
      .at("forward_client_cert_details")
      .warn(
        "TLS is not supported yet: x-forwarded-client-cert is always removed",
        "leave the field out, or wait for TLS",
      );
  }
}
