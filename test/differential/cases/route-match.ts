// Route matching: every path specifier, runtime fraction, grpc, connect, and their order.
import { anyHost, bootstrap, hcmWithHosts, listener, type Message } from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  request,
  response,
  send,
} from "../case.ts";

const says = (match: Message, body: string, fields: Message = {}): Message => ({
  match,
  direct_response: { status: 200, body: { inline_string: body } },
  ...fields,
});

const regex = (pattern: string): Message => ({ safe_regex: { regex: pattern } });

const template = (path: string): Message => ({
  path_match_policy: {
    name: "envoy.path.match.uri_template.uri_template_matcher",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
      path_template: path,
    },
  },
});

const percent = (numerator: number, key: string): Message => ({
  runtime_fraction: { default_value: { numerator, denominator: "HUNDRED" }, runtime_key: key },
});

const routes: readonly Message[] = [
  says({ path: "/exact" }, "exact", { name: "exact-route" }),
  says({ path: "/Any-Case", case_sensitive: false }, "any case"),
  says({ prefix: "/prefix" }, "prefix"),
  says({ prefix: "/PRE-any", case_sensitive: false }, "prefix any case"),
  says({ path_separated_prefix: "/sep" }, "separated"),
  says({ path_separated_prefix: "/Sep-Any", case_sensitive: false }, "separated any case"),
  says(regex("/r/[a-z]+"), "regex"),
  says(regex("/alt/(a|b)/\\d{2,3}"), "regex alternatives"),
  says({ ...regex("/rcase"), case_sensitive: false }, "regex case"),
  says(regex("(?i)/ri/x"), "regex inline case"),
  says(template("/t/{name}/end"), "template segment"),
  says(template("/star/*/x"), "template star"),
  says(template("/deep/{rest=**}"), "template deep"),
  says(template("/files/{path=**}.m3u8"), "template suffix"),
  says({ prefix: "/grpc", grpc: {} }, "grpc"),
  says({ prefix: "/half", ...percent(0, "match.half") }, "half"),
  says({ prefix: "/always", ...percent(100, "match.always") }, "always"),
  says({ prefix: "/tls", tls_context: { presented: true } }, "tls presented"),
  says({ prefix: "/tls", tls_context: { presented: false } }, "tls absent"),
  says({ prefix: "/first" }, "first of two"),
  says({ prefix: "/first/second" }, "second of two"),
];

const lenient: readonly Message[] = [
  says({ path: "/p" }, "parameters ignored"),
  says({ prefix: "/q/" }, "prefix"),
];

const PATHS: readonly (readonly [path: string, body: string | null])[] = [
  ["/exact", "exact"],
  ["/exact?x=y", "exact"],
  ["/exact/", null],
  ["/Exact", null],
  ["/any-case", "any case"],
  ["/ANY-CASE?q", "any case"],
  ["/prefix", "prefix"],
  ["/prefixed/x", "prefix"],
  ["/Prefix", null],
  ["/pre-ANY/x", "prefix any case"],
  ["/sep", "separated"],
  ["/sep?q=1", "separated"],
  ["/sep/x", "separated"],
  ["/separate", null],
  ["/SEP-any/x", "separated any case"],
  ["/r/abc", "regex"],
  ["/r/abc?x=1", "regex"],
  ["/r/abc/d", null],
  ["/x/r/abc", null],
  ["/alt/b/123", "regex alternatives"],
  ["/alt/c/12", null],
  ["/alt/a/1234", null],
  ["/RCASE", null],
  ["/RI/X", "regex inline case"],
  ["/t/bob/end", "template segment"],
  ["/t/bob/x/end", null],
  ["/t//end", null],
  ["/star/a/x", "template star"],
  ["/deep/a/b/c", "template deep"],
  // Envoy's `**` also matches nothing at all.
  ["/deep/", "template deep"],
  ["/files/a/b.m3u8", "template suffix"],
  ["/half", null],
  ["/always", "always"],
  ["/tls", "tls absent"],
  ["/first/second", "first of two"],
  ["/", null],
];

const pathCases = PATHS.map(([path, body]) =>
  exchange(`${path} matches ${body ?? "nothing"}`, "paths", get(path), {
    facts:
      body === null
        ? { "log.0.details": '"route_not_found"' }
        : { "client.0.response.0.body": body },
  }),
);

const others: readonly DifferentialCase[] = [
  exchange("grpc route needs a grpc content type", "paths", request("POST", "/grpc/S/M", [], null)),
  exchange(
    "grpc route takes application/grpc",
    "paths",
    request("POST", "/grpc/S/M", ["content-type: application/grpc"], null),
    {
      // A direct response to a gRPC request is a local reply: trailers only, body in grpc-message.
      facts: {
        "client.0.response.0.start": "HTTP/1.1 200 OK",
        "client.0.response.0.headers": /grpc-message: grpc/,
      },
    },
  ),
  exchange(
    "grpc route takes application/grpc+proto",
    "paths",
    request("POST", "/grpc/S/M", ["content-type: application/grpc+proto"], null),
  ),
  exchange(
    "grpc route does not take application/grpc-web",
    "paths",
    request("POST", "/grpc/S/M", ["content-type: application/grpc-web"], null),
  ),
  {
    name: "runtime override opens a fraction",
    on: "paths",
    steps: [
      adminPost("/runtime_modify?match.half=100"),
      send(get("/half")),
      response,
      adminPost("/runtime_modify?match.half=0"),
      send(get("/half")),
      response,
    ],
    logs: 2,
    facts: { "client.0.response.0.body": "half" },
  },
  exchange("ignores path parameters when told to", "lenient", get("/p;v=1?x"), {
    facts: { "client.0.response.0.body": "parameters ignored" },
  }),
  exchange("a path parameter inside a prefix counts", "lenient", get("/q;v=1/x")),
  exchange("names the route in the log", "paths", get("/exact"), {
    facts: { "log.0.route": '"exact-route"' },
  }),
];

export const routeMatch: DifferentialGroup = {
  name: "route-match",
  bootstrap: bootstrap(
    [
      listener("paths", [hcmWithHosts([anyHost(routes)])]),
      listener("lenient", [
        hcmWithHosts([anyHost(lenient)], {}, { ignore_path_parameters_in_path_matching: true }),
      ]),
    ],
    undefined,
    { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
  ),
  cases: [...pathCases, ...others],
};
