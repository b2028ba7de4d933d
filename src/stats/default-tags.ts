/**
 * Envoy's built-in tag rules: which part of a stat name is a tag value. Order matters: it is the
 * order of labels. Envoy 1.37: Config::TagNameValues (source/common/config/well_known_names.cc).
 */

/** A rule by regular expression. Group 1 is cut from the name, group 2 is the value. */
export interface RegexTagRule {
  readonly tag: string;
  readonly pattern: RegExp;
  /** Names without this text cannot match; "" when there is no such text. */
  readonly needle: string;
  /** A value that is not a tag after all. */
  readonly except?: string;
}

/** A rule by dotted tokens: `$` is the value, `*` one token, `**` any number. */
export interface TokenTagRule {
  readonly tag: string;
  readonly tokens: string;
}

/** IPv4 or bracketed IPv6 with `_port`. */
const ADDRESS = String.raw`(?:(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[[a-fA-F_\d]+\])_\d+)`;
const VALUE = String.raw`[^\.]+`;
const CIPHER = String.raw`[\w-]+`;
const ROUTE_NAME = String.raw`[\w\-\.]+`;
const SCOPED_ROUTE_NAME = String.raw`[\w\-\./]+`;
const LISTENER_OR_CLUSTER = String.raw`(?:listener|cluster)\..*?`;

/** All patterns are anchored on at least one side and repeat only simple classes: linear time. */
function regex(tag: string, pattern: string, needle: string, except?: string): RegexTagRule {
  const rule = { tag: `envoy.${tag}`, pattern: new RegExp(pattern, "d"), needle };
  return except === undefined ? rule : { ...rule, except };
}

export const DEFAULT_REGEX_TAGS: readonly RegexTagRule[] = [
  regex("response_code", String.raw`_rq(_(\d{3}))$`, "_rq_"),
  regex("response_code_class", String.raw`_rq_((\d))xx$`, "_rq_"),
  regex(
    "dynamo_partition_id",
    String.raw`^http\.${VALUE}\.dynamodb\.table\.${VALUE}\.capacity\.${VALUE}(\.__partition_id=(\w{7}))$`,
    ".dynamodb.table.",
  ),
  regex(
    "dynamo_operation",
    String.raw`^http\.${VALUE}\.dynamodb.(?:operation|table\.${VALUE}\.capacity)(\.(${VALUE}))(?:\.|$)`,
    ".dynamodb.",
  ),
  regex(
    "dynamo_table",
    String.raw`^http\.${VALUE}\.dynamodb.(?:table|error)\.((${VALUE})\.)`,
    ".dynamodb.",
  ),
  regex("ssl_cipher", String.raw`^listener\..*?\.ssl\.ciphers(\.(${CIPHER}))$`, ".ssl.ciphers."),
  regex(
    "ssl_curve",
    String.raw`^${LISTENER_OR_CLUSTER}\.ssl\.curves(\.(${CIPHER}))$`,
    ".ssl.curves.",
  ),
  regex(
    "ssl_sigalg",
    String.raw`^${LISTENER_OR_CLUSTER}\.ssl\.sigalgs(\.(${CIPHER}))$`,
    ".ssl.sigalgs.",
  ),
  regex(
    "ssl_version",
    String.raw`^${LISTENER_OR_CLUSTER}\.ssl\.versions(\.(TLSv\d\.\d))$`,
    ".ssl.versions.",
  ),
  {
    tag: "cipher_suite",
    pattern: new RegExp(String.raw`^cluster\.${VALUE}\.ssl\.ciphers(\.(${CIPHER}))$`, "d"),
    needle: ".ssl.ciphers.",
  },
  regex("http_conn_manager_prefix", String.raw`^listener\..*?\.http\.((${VALUE})\.)`, ".http."),
  regex(
    "worker_id",
    String.raw`^(?:listener\.(?:${ADDRESS}|${VALUE})|server|listener_manager|thread_local_cluster_manager)\.worker_((\d+)\.)`,
    ".worker_",
  ),
  regex("listener_address", String.raw`^listener\.((${ADDRESS}|${VALUE})\.)`, "", "admin"),
  regex("rds_route_config", String.raw`^http\.${VALUE}\.rds\.((${ROUTE_NAME})\.)\w+?$`, ".rds."),
  regex(
    "scoped_rds_config",
    String.raw`^http\.${VALUE}\.scoped_rds\.((${SCOPED_ROUTE_NAME})\.)\w+?$`,
    ".scoped_rds.",
  ),
  regex(
    "rbac_policy_name",
    String.raw`^http\.${VALUE}\.rbac\.(?:${VALUE}\.)?policy\.((${VALUE})\.)(allowed|shadow_allowed|denied|shadow_denied)$`,
    ".rbac.",
  ),
  regex(
    "rbac_http_prefix",
    String.raw`^http\.${VALUE}\.rbac\.((${VALUE})\.).*?`,
    ".rbac.",
    "policy",
  ),
  regex("proxy_protocol_prefix", String.raw`^proxy_proto\.((${VALUE})\.).+$`, "", "versions"),
  regex(
    "proxy_protocol_version",
    String.raw`^proxy_proto\.((?:${VALUE}\.)?versions\.v(\d)\.)\w+$`,
    "proxy_proto.",
  ),
  regex(
    "tls_certificate",
    String.raw`^${LISTENER_OR_CLUSTER}\.ssl\.certificate\.((${VALUE})\.).*$`,
    ".ssl.certificate.",
  ),
  regex("xds_resource_name", String.raw`^sds\.((${VALUE})\.).+`, ""),
];

export const DEFAULT_TOKEN_TAGS: readonly TokenTagRule[] = [
  { tag: "envoy.mongo_callsite", tokens: "mongo.*.collection.*.callsite.$.query.**" },
  { tag: "envoy.mongo_collection", tokens: "mongo.*.collection.$.**.query.*" },
  { tag: "envoy.mongo_cmd", tokens: "mongo.*.cmd.$.**" },
  { tag: "envoy.grpc_bridge_method", tokens: "cluster.*.grpc.*.$.**" },
  { tag: "envoy.http_user_agent", tokens: "http.*.user_agent.$.**" },
  { tag: "envoy.virtual_cluster", tokens: "vhost.*.vcluster.$.**" },
  { tag: "envoy.fault_downstream_cluster", tokens: "http.*.fault.$.**" },
  { tag: "envoy.grpc_bridge_service", tokens: "cluster.*.grpc.$.**" },
  { tag: "envoy.tcp_prefix", tokens: "tcp.$.**" },
  { tag: "envoy.udp_prefix", tokens: "udp.$.**" },
  { tag: "envoy.clientssl_prefix", tokens: "auth.clientssl.$.**" },
  { tag: "envoy.ratelimit_prefix", tokens: "ratelimit.$.**" },
  { tag: "envoy.cluster_name", tokens: "cluster.$.**" },
  { tag: "envoy.ext_authz_prefix", tokens: "cluster.*.ext_authz.$.**" },
  { tag: "envoy.ext_authz_prefix", tokens: "http.*.ext_authz.$.**" },
  { tag: "envoy.http_conn_manager_prefix", tokens: "http.$.**" },
  { tag: "envoy.virtual_host", tokens: "vhost.$.**" },
  { tag: "envoy.mongo_prefix", tokens: "mongo.$.**" },
  { tag: "envoy.route", tokens: "vhost.*.route.$.**" },
  { tag: "envoy.thrift_prefix", tokens: "thrift.$.**" },
  { tag: "envoy.redis_prefix", tokens: "redis.$.**" },
  { tag: "envoy.local_http_ratelimit_prefix", tokens: "$.http_local_rate_limit.**" },
  { tag: "envoy.local_network_ratelimit_prefix", tokens: "local_rate_limit.$.**" },
  { tag: "envoy.local_listener_ratelimit_prefix", tokens: "listener_local_ratelimit.$.**" },
  { tag: "envoy.dns_filter_prefix", tokens: "dns_filter.$.**" },
  { tag: "envoy.connection_limit_prefix", tokens: "connection_limit.$.**" },
  { tag: "envoy.rbac_prefix", tokens: "$.rbac.**" },
  { tag: "envoy.google_grpc_client_prefix", tokens: "grpc.$.**" },
];
