// Broken connection managers, routes, HTTP filters and access logs.
import {
  type BrokenConfig,
  bareManager,
  EXTENSIONS,
  httpFilters,
  manager,
  ROUTER,
  routes,
  virtualHosts,
} from "./broken-config.ts";

const CORS = `name: envoy.filters.http.cors
  typed_config: { "@type": ${EXTENSIONS}.filters.http.cors.v3.Cors }`;
const STDOUT = `"@type": ${EXTENSIONS}.access_loggers.stream.v3.StdoutAccessLog`;

/** One HTTP filter with these fields, before the router. */
const filterWith = (name: string, type: string, fields: string): string =>
  httpFilters(`
- name: envoy.filters.http.${name}
  typed_config:
    "@type": ${EXTENSIONS}.filters.http.${type}
${fields.replace(/^/gm, "    ")}
${ROUTER}`);

export const BROKEN_HTTP: readonly BrokenConfig[] = [
  {
    what: "a manager without a stat_prefix",
    text: httpFilters(ROUTER)
      .replace("typed_config:\n", "»typed_config:\n")
      .replace(/ *stat_prefix.*\n/, ""),
    message: /Must not be empty/,
    remedy: /./,
  },
  {
    what: "a manager without routes",
    text: bareManager(`http_filters:\n${ROUTER}`).replace("typed_config:\n", "»typed_config:\n"),
    message: /route/,
    remedy: /route_config/,
  },
  {
    what: "no HTTP filters at all",
    text: bareManager("route_config: {}\n»http_filters: []"),
    message: /filter/,
    remedy: /router/,
  },
  {
    what: "a last HTTP filter that is not the router",
    text: httpFilters(`- »${CORS}`),
    message: /last|terminal/,
    remedy: /router/,
  },
  {
    what: "a router before another filter",
    text: httpFilters(`${ROUTER.replace("- ", "- »")}\n- ${CORS}`),
    message: /last|terminal/,
    remedy: /./,
  },
  {
    what: "an HTTP filter that comes later",
    text: httpFilters(`
      - name: envoy.filters.http.rbac
        »typed_config: { "@type": ${EXTENSIONS}.filters.http.rbac.v3.RBAC }
${ROUTER.replace(/^/gm, "      ")}`),
    message: /rbac/i,
    remedy: /./,
  },
  {
    what: "both ways to strip the port of a host",
    text: manager("strip_any_host_port: true\n»strip_matching_host_port: true"),
    message: /strip/,
    remedy: /keep/,
  },
  {
    what: "an address range that is none",
    text: manager(
      "internal_address_config: { cidr_ranges: [{ »address_prefix: ten, prefix_len: 8 }] }",
    ),
    message: /ten/,
    remedy: /./,
  },
  {
    what: "more header kilobytes than there may be",
    text: manager("»max_request_headers_kb: 9000"),
    message: /9000|8192/,
    remedy: /8192|./,
  },
  {
    what: "a virtual host without domains",
    text: virtualHosts("- { name: a, »domains: [], routes: [] }"),
    message: /at least 1/,
    remedy: /./,
  },
  {
    what: "two virtual hosts for everything",
    text: virtualHosts('- { name: a, domains: ["*"] }\n- { name: b, domains: [»"*"] }'),
    message: /\*/,
    remedy: /./,
  },
  {
    what: "one domain in two virtual hosts",
    text: virtualHosts(
      "- { name: a, domains: [x.example.com] }\n- { name: b, domains: [»X.example.com] }",
    ),
    message: /x\.example\.com/i,
    remedy: /./,
  },
  {
    what: "a route without a match",
    text: routes("- »direct_response: { status: 200 }"),
    message: /required/,
    remedy: /match/,
  },
  {
    what: "a route that matches by nothing",
    text: routes("- { »match: {}, direct_response: { status: 200 } }"),
    message: /match|path_specifier/,
    remedy: /prefix/,
  },
  {
    what: "a route without an action",
    text: routes("- »match: { prefix: / }"),
    message: /action/,
    remedy: /route/,
  },
  {
    what: "a route with two actions",
    text: routes(
      "- match: { prefix: / }\n  route: { cluster: a }\n  »direct_response: { status: 200 }",
    ),
    message: /Excludes "route"/,
    remedy: /remove/,
  },
  {
    what: "a route to a cluster that is not there",
    text: routes("- match: { prefix: / }\n  route: { »cluster: nowhere }"),
    message: /nowhere/,
    remedy: /./,
  },
  {
    what: "a weighted cluster that is not there",
    text: routes(
      "- match: { prefix: / }\n  route: { weighted_clusters: { clusters: [{ »name: nowhere, weight: 1 }] } }",
    ),
    message: /nowhere/,
    remedy: /./,
  },
  {
    what: "weights that sum up to nothing",
    text: `${routes("- match: { prefix: / }\n  route: { »weighted_clusters: { clusters: [{ name: one, weight: 0 }] } }")}  clusters: [{ name: one, type: STATIC }]\n`,
    message: /weight/,
    remedy: /./,
  },
  {
    what: "a pattern with a group that is not closed",
    text: routes('- match: { safe_regex: { »regex: "/a(b" } }\n  direct_response: { status: 200 }'),
    message: /\/a\(b|paren/,
    remedy: /./,
  },
  {
    what: "a pattern that looks back, which RE2 does not",
    text: routes(
      '- match: { safe_regex: { »regex: "(?<=a)b" } }\n  direct_response: { status: 200 }',
    ),
    message: /\(\?<=|look/,
    remedy: /RE2/,
  },
  {
    what: "a status that does not exist",
    text: routes("- match: { prefix: / }\n  direct_response: { »status: 99 }"),
    message: /99|100/,
    remedy: /./,
  },
  {
    what: "a prefix rewrite beside a pattern rewrite",
    text: `${routes("- match: { prefix: / }\n  »route: { cluster: one, prefix_rewrite: /a, regex_rewrite: { pattern: { regex: a }, substitution: b } }")}  clusters: [{ name: one, type: STATIC }]\n`,
    message: /rewrite/,
    remedy: /one/,
  },
  {
    what: "a header whose name is none",
    text: routes(
      '- match: { prefix: / }\n  direct_response: { status: 200 }\n  response_headers_to_add: [{ header: { »key: "a\\nb", value: c } }]',
    ),
    message: /./,
    remedy: /./,
  },
  {
    what: "a pseudo header that must not be removed",
    text: routes(
      '- match: { prefix: / }\n  direct_response: { status: 200 }\n  request_headers_to_remove: [»":path"]',
    ),
    message: /:path/,
    remedy: /./,
  },
  {
    what: "an operator that does not exist in a header",
    text: routes(
      '- match: { prefix: / }\n  direct_response: { status: 200 }\n  response_headers_to_add: [{ header: { key: a, »value: "%PROTOCOLL%" } }]',
    ),
    message: /PROTOCOLL/,
    remedy: /PROTOCOL/,
  },
  {
    what: "an operator that does not exist in an access log",
    text: manager(`
      access_log:
      - name: a
        typed_config:
          ${STDOUT}
          log_format: { text_format_source: { »inline_string: "%RESPONSE_CODES%" } }`),
    message: /RESPONSE_CODES/,
    remedy: /RESPONSE_CODE/,
  },
  {
    what: "a format with a percent sign that is not closed",
    text: manager(`
      access_log:
      - name: a
        typed_config:
          ${STDOUT}
          log_format: { text_format_source: { »inline_string: "%START_TIME" } }`),
    message: /%/,
    remedy: /./,
  },
  {
    what: "an operator that lacks its argument",
    text: manager(`
      access_log:
      - name: a
        typed_config:
          ${STDOUT}
          log_format: { text_format_source: { »inline_string: "%REQ%" } }`),
    message: /REQ/,
    remedy: /REQ\(/,
  },
  {
    what: "a response flag that does not exist",
    text: manager(`
      access_log:
      - name: a
        filter: { response_flag_filter: { flags: [»XX] } }
        typed_config: { ${STDOUT} }`),
    message: /XX/,
    remedy: /./,
  },
  {
    what: "an access logger that is not built in",
    text: manager(`
      access_log:
      - name: a
        »typed_config: { "@type": ${EXTENSIONS}.access_loggers.wasm.v3.WasmAccessLog }`),
    message: /wasm/i,
    remedy: /./,
  },
  {
    what: "a request id extension that comes later",
    text: manager(
      'request_id_extension:\n  »typed_config: { "@type": ' +
        EXTENSIONS +
        ".filters.http.cors.v3.Cors }",
    ),
    message: /[Cc]ors|request_id/,
    remedy: /./,
  },
  {
    what: "a redirect code that does not exist",
    text: routes("- match: { prefix: / }\n  redirect: { response_code: »SOMETIME }"),
    message: /SOMETIME/,
    remedy: /FOUND/,
  },
  {
    what: "routes by discovery without their source",
    text: bareManager(`http_filters:\n${ROUTER}\n»rds: { route_config_name: a }`),
    message: /config source is missing/,
    remedy: /config_source/,
  },
  {
    what: "a buffer without its limit",
    text: httpFilters(`
      - name: envoy.filters.http.buffer
        »typed_config: { "@type": ${EXTENSIONS}.filters.http.buffer.v3.Buffer }
${ROUTER.replace(/^/gm, "      ")}`),
    message: /required/,
    remedy: /max_request_bytes/,
  },
  {
    what: "a delay without a duration",
    text: filterWith("fault", "fault.v3.HTTPFault", `»delay: { percentage: { numerator: 1 } }`),
    message: /fault_delay_secifier/,
    remedy: /fixed_delay/,
  },
  {
    what: "a delay of nothing",
    text: filterWith("fault", "fault.v3.HTTPFault", `delay: { »fixed_delay: 0s }`),
    message: /more than 0s/,
    remedy: /./,
  },
  {
    what: "an abort that says no status",
    text: filterWith("fault", "fault.v3.HTTPFault", `»abort: { percentage: { numerator: 1 } }`),
    message: /error_type/,
    remedy: /http_status/,
  },
  {
    what: "an abort with a status below 200",
    text: filterWith("fault", "fault.v3.HTTPFault", `abort: { »http_status: 199 }`),
    message: /at least 200/,
    remedy: /./,
  },
  {
    what: "a response rate of nothing",
    text: filterWith(
      "fault",
      "fault.v3.HTTPFault",
      `response_rate_limit: { fixed_limit: { »limit_kbps: 0 } }`,
    ),
    message: /at least 1/,
    remedy: /./,
  },
  {
    what: "a rate limit without a stat prefix",
    text: filterWith("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", `»stat_prefix: ''`),
    message: /empty/,
    remedy: /./,
  },
  {
    what: "a token bucket without tokens",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
»token_bucket: { fill_interval: 1s }`,
    ),
    message: /max_tokens|more than 0/,
    remedy: /./,
  },
  {
    what: "a token bucket that refills too often",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
token_bucket: { max_tokens: 1, »fill_interval: 0.01s }`,
    ),
    message: /50 ms/,
    remedy: /0.05s/,
  },
  {
    what: "a descriptor that is there twice",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
descriptors:
- { entries: [{ key: a, value: b }], token_bucket: { max_tokens: 1, fill_interval: 1s } }
- »{ entries: [{ key: a, value: b }], token_bucket: { max_tokens: 1, fill_interval: 1s } }`,
    ),
    message: /a=b/,
    remedy: /remove/,
  },
  {
    what: "a stage in a filter's own rate_limits",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
token_bucket: { max_tokens: 1, fill_interval: 1s }
rate_limits: [{ »stage: 1, actions: [{ remote_address: {} }] }]`,
    ),
    message: /routes/,
    remedy: /remove/,
  },
  {
    what: "a descriptor extension",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
token_bucket: { max_tokens: 1, fill_interval: 1s }
rate_limits: [{ actions: [{ »extension: { name: a, typed_config: { "@type": ${EXTENSIONS}.rate_limit_descriptors.expr.v3.Descriptor, descriptor_key: a, text: a } } }] }]`,
    ),
    message: /extension/,
    remedy: /actions/,
  },
  {
    what: "a limit shared over a local cluster that nobody names",
    text: filterWith(
      "local_ratelimit",
      "local_ratelimit.v3.LocalRateLimit",
      `stat_prefix: a
token_bucket: { max_tokens: 1, fill_interval: 1s }
»local_cluster_rate_limit: {}`,
    ),
    message: /no local cluster/,
    remedy: /local_cluster_name/,
  },
  {
    what: "a mirror without a cluster",
    text: routes(
      "- match: { prefix: / }\n  route: { cluster_header: x, request_mirror_policies: [»{}] }",
    ),
    message: /cluster_header/,
    remedy: /exactly one/,
  },
  {
    what: "a mirror to a cluster that is not there",
    text: routes(
      "- match: { prefix: / }\n  route: { cluster_header: x, request_mirror_policies: [{ »cluster: nowhere }] }",
    ),
    message: /nowhere/,
    remedy: /./,
  },
];
