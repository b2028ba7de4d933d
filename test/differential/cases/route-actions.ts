// What a matched route does: clusters, weights, redirects, direct responses, rewrites (10.6),
// hosts.
import {
  anyHost,
  bootstrap,
  hcmWithHosts,
  listener,
  type Message,
  ROUTER,
  routeTo,
} from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  type Facts,
  get,
  request,
  response,
  send,
} from "../case.ts";

const weights = (one: number, two: number): Message => ({
  clusters: [
    { name: "up1", weight: one, request_headers_to_add: [add("x-entry", "one")] },
    { name: "up2", weight: two, response_headers_to_add: [add("x-entry", "two")] },
  ],
});

function add(key: string, value: string): Message {
  return { header: { key, value } };
}

const weighted = (path: string, weighted_clusters: Message): Message => ({
  match: { prefix: path },
  route: { weighted_clusters },
});

const redirect = (path: string, fields: Message, match: Message = { prefix: path }): Message => ({
  match,
  redirect: fields,
});

const direct = (path: string, fields: Message, route: Message = {}): Message => ({
  match: { prefix: path },
  direct_response: fields,
  ...route,
});

const clusterRoutes: readonly Message[] = [
  { match: { prefix: "/by-header" }, route: { cluster_header: "x-cluster" } },
  routeTo(
    { prefix: "/nc-404" },
    "up1",
    {},
    { route: { cluster_header: "x-cluster", cluster_not_found_response_code: "NOT_FOUND" } },
  ),
  routeTo(
    { prefix: "/nc-500" },
    "up1",
    {},
    {
      route: {
        cluster_header: "x-cluster",
        cluster_not_found_response_code: "INTERNAL_SERVER_ERROR",
      },
    },
  ),
  weighted("/w-all-one", weights(100, 0)),
  weighted("/w-all-two", weights(0, 7)),
  weighted("/w-number", { ...weights(3, 7), header_name: "x-number" }),
  weighted("/w-runtime", { ...weights(1, 0), runtime_key_prefix: "weights.test" }),
  weighted("/w-by-header", {
    clusters: [{ cluster_header: "x-cluster", weight: 1 }],
  }),
  weighted("/w-host", {
    clusters: [{ name: "up2", weight: 1, host_rewrite_literal: "entry.example" }],
  }),
  routeTo({ prefix: "/empty" }, "empty"),
];

const redirectRoutes: readonly Message[] = [
  redirect("/https", { https_redirect: true }),
  redirect("/scheme", { scheme_redirect: "ftp" }),
  redirect("/host", { host_redirect: "new.example" }),
  redirect("/port", { port_redirect: 8443 }),
  redirect("/hp", { host_redirect: "new.example", port_redirect: 81, https_redirect: true }),
  redirect("/path", { path_redirect: "/elsewhere" }),
  redirect("/queried", { path_redirect: "/elsewhere?own=1", strip_query: true }),
  redirect("/prefix/", { prefix_rewrite: "/new/" }),
  redirect("/regex", {
    regex_rewrite: { pattern: { regex: "^/regex/(.*)$" }, substitution: "/got/\\1" },
  }),
  redirect("/strip", { path_redirect: "/s", strip_query: true }),
  redirect("/302", { path_redirect: "/x", response_code: "FOUND" }),
  redirect("/303", { path_redirect: "/x", response_code: "SEE_OTHER" }),
  redirect("/307", { path_redirect: "/x", response_code: "TEMPORARY_REDIRECT" }),
  redirect("/308", { path_redirect: "/x", response_code: "PERMANENT_REDIRECT" }),
  {
    ...redirect("/decorated", { path_redirect: "/x" }),
    response_headers_to_add: [add("x-added", "1")],
  },
];

const directRoutes: readonly Message[] = [
  direct("/d/200", { status: 200, body: { inline_string: "hello" } }),
  direct("/d/204", { status: 204 }),
  direct("/d/no-body", { status: 403 }),
  direct("/d/599", { status: 599, body: { inline_string: "odd" } }),
  direct("/d/201", { status: 201, body: { inline_string: "made" } }),
  direct("/d/bytes", { status: 200, body: { inline_bytes: "AAEC/w==" } }),
  direct("/d/304", { status: 304 }),
  direct(
    "/d/headers",
    { status: 200, body: { inline_string: "{}" } },
    {
      response_headers_to_add: [
        { ...add("content-type", "application/json"), append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
        add("x-direct", "%RESPONSE_CODE%"),
      ],
    },
  ),
  direct("/d/format", {
    status: 200,
    body_format: { text_format_source: { inline_string: "path %REQ(:PATH)% %PROTOCOL%" } },
  }),
];

const rewriteRoutes: readonly Message[] = [
  routeTo({ prefix: "/v1" }, "up1", { prefix_rewrite: "/v2" }),
  routeTo({ prefix: "/slash1" }, "up1", { prefix_rewrite: "/" }),
  routeTo({ prefix: "/a1/" }, "up1", { prefix_rewrite: "/" }),
  routeTo({ path: "/whole" }, "up1", { prefix_rewrite: "/other" }),
  routeTo({ path: "/ANY", case_sensitive: false }, "up1", { prefix_rewrite: "/some" }),
  routeTo({ safe_regex: { regex: "/re/.*" } }, "up1", { prefix_rewrite: "/fixed" }),
  routeTo({ path_separated_prefix: "/sep" }, "up1", { prefix_rewrite: "/s" }),
  routeTo({ prefix: "/s/" }, "up1", {
    regex_rewrite: { pattern: { regex: "^/s/([^/]+)(/.*)$" }, substitution: "\\2/i/\\1" },
  }),
  routeTo({ prefix: "/all" }, "up1", {
    regex_rewrite: { pattern: { regex: "a" }, substitution: "[\\0]" },
  }),
  routeTo({ prefix: "/none" }, "up1", {
    regex_rewrite: { pattern: { regex: "zzz" }, substitution: "y" },
  }),
  routeTo({ prefix: "/host-literal" }, "up1", { host_rewrite_literal: "literal.example" }),
  routeTo({ prefix: "/host-header" }, "up1", { host_rewrite_header: "x-host" }),
  routeTo({ prefix: "/host-regex" }, "up1", {
    host_rewrite_path_regex: { pattern: { regex: "^/host-regex/(.+)$" }, substitution: "\\1" },
  }),
  routeTo({ prefix: "/host-auto" }, "dns", { auto_host_rewrite: true }),
  routeTo({ prefix: "/xfh-auto" }, "dns", {
    auto_host_rewrite: true,
    append_x_forwarded_host: true,
  }),
  routeTo({ prefix: "/xfh" }, "up1", {
    host_rewrite_literal: "literal.example",
    append_x_forwarded_host: true,
  }),
  routeTo(
    { prefix: "/template/{a}/{b=**}" },
    "up1",
    {},
    {
      match: {
        path_match_policy: {
          name: "envoy.path.match.uri_template.uri_template_matcher",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            path_template: "/template/{a}/{b=**}",
          },
        },
      },
      route: {
        cluster: "up1",
        path_rewrite_policy: {
          name: "envoy.path.rewrite.uri_template.uri_template_rewriter",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig",
            path_template_rewrite: "/{b}/of/{a}",
          },
        },
      },
    },
  ),
];

const first = (path: string): Facts => ({ "upstream.up1.0.start": `GET ${path} HTTP/1.1` });

/** 10.6 (rewrites) and 3.5. */
const REWRITES: readonly (readonly [path: string, forwarded: string])[] = [
  ["/v1/x?y", "/v2/x?y"],
  ["/v1", "/v2"],
  ["/v11/x", "/v21/x"],
  ["/slash1/x", "//x"],
  ["/a1/b", "/b"],
  ["/whole?q", "/other?q"],
  ["/any?q", "/some?q"],
  ["/re/a/b?c=d", "/fixed?c=d"],
  ["/sep/x", "/s/x"],
  ["/sep", "/s"],
  ["/s/foo/v1/api?z=1", "/v1/api/i/foo?z=1"],
  ["/all/banana?a", "/[a]ll/b[a]n[a]n[a]?a"],
  ["/none/x", "/none/x"],
  ["/template/x/y/z?q", "/y/z/of/x?q"],
];

const LOCATIONS: readonly (readonly [path: string, host: string, location: string])[] = [
  ["/https/a?b", "a.example", "https://a.example/https/a?b"],
  ["/https", "a.example:80", "https://a.example/https"],
  ["/https", "a.example:8080", "https://a.example:8080/https"],
  ["/scheme", "a.example", "ftp://a.example/scheme"],
  ["/host/x?y=z", "a.example:81", "http://new.example/host/x?y=z"],
  ["/port", "a.example", "http://a.example:8443/port"],
  ["/port", "[::1]:80", "http://[::1]:8443/port"],
  ["/hp", "a.example", "https://new.example:81/hp"],
  ["/path?q=1", "a.example", "http://a.example/elsewhere?q=1"],
  ["/queried?q=1", "a.example", "http://a.example/elsewhere?own=1"],
  ["/prefix/x?q", "a.example", "http://a.example/new/x?q"],
  ["/regex/abc?q=1", "a.example", "http://a.example/got/abc?q=1"],
  ["/strip?q=1", "a.example", "http://a.example/s"],
  ["/302", "a.example", "http://a.example/x"],
  ["/303", "a.example", "http://a.example/x"],
  ["/307", "a.example", "http://a.example/x"],
  ["/308", "a.example", "http://a.example/x"],
  ["/decorated", "a.example", "http://a.example/x"],
];

const clusterCases: readonly DifferentialCase[] = [
  exchange("routes by cluster_header", "clusters", get("/by-header", "x-cluster: up2"), {
    facts: { "client.0.response.0.body": "up2" },
  }),
  exchange(
    "takes the first value of cluster_header",
    "clusters",
    get("/by-header", "x-cluster: up2", "x-cluster: up1"),
  ),
  exchange(
    "answers 503 NC for an unknown cluster in cluster_header",
    "clusters",
    get("/by-header", "x-cluster: nope"),
    {
      facts: { "log.0.flags": '"NC"', "log.0.details": '"cluster_not_found"' },
    },
  ),
  exchange("answers without the cluster_header", "clusters", get("/by-header")),
  exchange(
    "answers 404 for a missing cluster when told to",
    "clusters",
    get("/nc-404", "x-cluster: nope"),
  ),
  exchange(
    "answers 500 for a missing cluster when told to",
    "clusters",
    get("/nc-500", "x-cluster: nope"),
  ),
  exchange("never picks a cluster of weight zero", "clusters", get("/w-all-one")),
  exchange("applies the response headers of the weighted entry", "clusters", get("/w-all-two")),
  ...["0", "2", "3", "9", "10", "12", "18446744073709551615"].map((number) =>
    exchange(`picks by the number ${number}`, "clusters", get("/w-number", `x-number: ${number}`)),
  ),
  exchange("routes a weighted entry by header", "clusters", get("/w-by-header", "x-cluster: up2")),
  exchange("rewrites the host of a weighted entry", "clusters", get("/w-host")),
  {
    name: "runtime weights replace configured ones",
    on: "clusters",
    steps: [
      send(get("/w-runtime")),
      response,
      adminPost("/runtime_modify?weights.test.up1=0&weights.test.up2=5"),
      send(get("/w-runtime")),
      response,
    ],
    logs: 2,
    facts: { "client.0.response.0.body": "up1", "client.0.response.1.body": "up2" },
  },
  exchange("answers no healthy upstream for a cluster without hosts", "clusters", get("/empty"), {
    facts: {
      "client.0.response.0.body": "no healthy upstream",
      "log.0.flags": '"UH"',
      "log.0.details": '"no_healthy_upstream"',
    },
  }),
];

const hostCases: readonly DifferentialCase[] = [
  exchange("rewrites the host to a literal", "rewrites", get("/host-literal")),
  exchange("rewrites the host from a header", "rewrites", get("/host-header", "x-host: h.example")),
  exchange("keeps the host when the header is absent", "rewrites", get("/host-header")),
  exchange("rewrites the host from the path", "rewrites", get("/host-regex/p.example?q=1")),
  exchange("rewrites the host to the chosen upstream's name", "rewrites", get("/host-auto")),
  exchange(
    "appends the old host to x-forwarded-host",
    "rewrites",
    get("/xfh", "x-forwarded-host: before"),
  ),
  exchange(
    "does not repeat the old host in x-forwarded-host",
    "rewrites",
    get("/xfh", "x-forwarded-host: a.example"),
  ),
  exchange("appends x-forwarded-host with auto_host_rewrite", "rewrites", get("/xfh-auto")),
  exchange("adds no original path when told to suppress", "quiet", get("/v1/x"), {
    facts: { "upstream.up1.0.headers": /^(?!.*x-envoy)/s },
  }),
];

const directCases: readonly DifferentialCase[] = [
  ...["200", "204", "no-body", "599", "201", "bytes", "304", "headers", "format"].map((what) =>
    exchange(`answers directly: ${what}`, "direct", get(`/d/${what}`)),
  ),
  exchange(
    "answers a POST directly before its body is used",
    "direct",
    request("POST", "/d/200", [], "body"),
  ),
  {
    name: "answers HEAD directly without a body",
    on: "direct",
    steps: [send(request("HEAD", "/d/200", [], null)), { do: "response", toHead: true }],
  },
];

const dns: Message = {
  name: "dns",
  type: "STRICT_DNS",
  connect_timeout: "2s",
  dns_lookup_family: "V4_ONLY",
  load_assignment: {
    cluster_name: "dns",
    endpoints: [
      {
        lb_endpoints: [
          {
            endpoint: {
              address: { socket_address: { address: "localhost", port_value: "@upstream:up1@" } },
            },
          },
        ],
      },
    ],
  },
};

const quietRouter: Message = {
  ...ROUTER,
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    suppress_envoy_headers: true,
  },
};

const base = bootstrap(
  [
    listener("clusters", [
      hcmWithHosts([anyHost(clusterRoutes)], {}, { validate_clusters: false }),
    ]),
    listener("redirects", [hcmWithHosts([anyHost(redirectRoutes)])]),
    listener("direct", [hcmWithHosts([anyHost(directRoutes)])]),
    listener("rewrites", [hcmWithHosts([anyHost(rewriteRoutes)])]),
    listener("quiet", [hcmWithHosts([anyHost(rewriteRoutes)], { http_filters: [quietRouter] })]),
  ],
  undefined,
  { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
);

const statics = base["static_resources"] as { listeners: Message[]; clusters: Message[] };

export const routeActions: DifferentialGroup = {
  name: "route-actions",
  bootstrap: {
    ...base,
    static_resources: { ...statics, clusters: [...statics.clusters, dns] },
  },
  cases: [
    ...clusterCases,
    ...LOCATIONS.map(([path, host, location]) =>
      exchange(`redirects ${path} of ${host}`, "redirects", get(path, `host: ${host}`), {
        facts: {
          "client.0.response.0.headers": new RegExp(
            `^location: ${location.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`,
            "m",
          ),
        },
      }),
    ),
    ...REWRITES.map(([path, forwarded]) =>
      exchange(`rewrites ${path}`, "rewrites", get(path), { facts: first(forwarded) }),
    ),
    ...hostCases,
    ...directCases,
  ],
};
