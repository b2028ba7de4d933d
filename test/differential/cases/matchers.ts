// The generic matcher on virtual hosts (envoy-semantics 3.13) and runtime-driven behaviour.
import { any, bootstrap, hcmWithHosts, listener, type Message, routeTo } from "../bootstrap.ts";
import {
  adminPost,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  response,
  send,
} from "../case.ts";

const requestHeader = (name: string): Message => ({
  name: "header",
  typed_config: any("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { header_name: name }),
});

const says = (body: string, match: Message = { prefix: "/" }): Message => ({
  match,
  direct_response: { status: 200, body: { inline_string: body } },
});
const action = (body: string, match?: Message): Message => ({
  action: { name: "route", typed_config: any("envoy.config.route.v3.Route", says(body, match)) },
});
const actionList = (...routes: readonly Message[]): Message => ({
  action: { name: "route", typed_config: any("envoy.config.route.v3.RouteList", { routes }) },
});

const single = (input: Message, value_match: Message): Message => ({
  single_predicate: { input, value_match },
});
const entry = (predicate: Message, on_match: Message): Message => ({ predicate, on_match });
const list = (...matchers: readonly Message[]): Message => ({ matcher_list: { matchers } });
const nested = (matcher: Message): Message => ({ matcher });
const tree = (input: Message, kind: string, map: Message, rest: Message = {}): Message => ({
  matcher_tree: { input, [kind]: { map } },
  ...rest,
});

const host = (name: string, matcher: Message): Message => ({
  name,
  domains: [`${name}.example`],
  matcher,
});

const HOSTS: readonly Message[] = [
  host("exact", tree(requestHeader("k"), "exact_match_map", { a: action("a"), b: action("b") })),
  host(
    "prefix",
    tree(requestHeader(":path"), "prefix_match_map", {
      "/": action("root"),
      "/a": action("a"),
      "/a/b": action("ab"),
    }),
  ),
  host(
    "resume",
    tree(requestHeader(":path"), "prefix_match_map", {
      "/a": action("a"),
      "/a/b": nested(tree(requestHeader("k"), "exact_match_map", { yes: action("deep") })),
    }),
  ),
  host(
    "list",
    list(
      entry(single(requestHeader("k"), { exact: "1" }), action("exact 1")),
      entry(single(requestHeader("k"), { prefix: "p" }), action("prefix p")),
      entry(single(requestHeader("k"), { suffix: "s" }), action("suffix s")),
      entry(single(requestHeader("k"), { contains: "c" }), action("contains c")),
      entry(
        single(requestHeader("k"), { safe_regex: { google_re2: {}, regex: "[0-9]+" } }),
        action("regex"),
      ),
      entry(single(requestHeader("k"), { exact: "CASE", ignore_case: true }), action("any case")),
    ),
  ),
  host(
    "logic",
    list(
      entry(
        {
          and_matcher: {
            predicate: [
              single(requestHeader("a"), { exact: "1" }),
              single(requestHeader("b"), { exact: "1" }),
            ],
          },
        },
        action("and"),
      ),
      entry(
        {
          or_matcher: {
            predicate: [
              single(requestHeader("a"), { exact: "2" }),
              single(requestHeader("b"), { exact: "2" }),
            ],
          },
        },
        action("or"),
      ),
      entry({ not_matcher: single(requestHeader("a"), { exact: "3" }) }, action("not")),
    ),
  ),
  host("no-match", {
    ...list(entry(single(requestHeader("k"), { exact: "x" }), action("x"))),
    on_no_match: action("otherwise"),
  }),
  host("nested", {
    ...list(
      entry(
        single(requestHeader("k"), { exact: "x" }),
        nested(list(entry(single(requestHeader("l"), { exact: "y" }), action("inner")))),
      ),
      entry(single(requestHeader("k"), { exact: "x" }), action("second entry")),
    ),
    on_no_match: action("outer otherwise"),
  }),
  host(
    "nested-otherwise",
    list(
      entry(
        single(requestHeader("k"), { exact: "x" }),
        nested({
          ...list(entry(single(requestHeader("l"), { exact: "y" }), action("inner"))),
          on_no_match: action("inner otherwise"),
        }),
      ),
      entry(single(requestHeader("k"), { exact: "x" }), action("second entry")),
    ),
  ),
  host(
    "own-match",
    tree(requestHeader("k"), "exact_match_map", { a: action("only /x", { path: "/x" }) }),
  ),
  host(
    "routes",
    tree(requestHeader("k"), "exact_match_map", {
      a: actionList(says("one", { path: "/1" }), says("two", { path: "/2" })),
    }),
  ),
  host(
    "cluster",
    tree(requestHeader("k"), "exact_match_map", {
      a: {
        action: {
          name: "route",
          typed_config: any(
            "envoy.config.route.v3.Route",
            routeTo({ prefix: "/" }, "up2", { prefix_rewrite: "/rewritten/" }),
          ),
        },
      },
    }),
  ),
];

/** Host, path, headers, body expected (null: no route). */
type Vector = readonly [string, string, readonly string[], string | null];

const VECTORS: readonly Vector[] = [
  ["exact", "/", ["k: a"], "a"],
  ["exact", "/", ["k: b"], "b"],
  ["exact", "/", ["k: c"], null],
  ["exact", "/", [], null],
  ["prefix", "/x", [], "root"],
  ["prefix", "/abc", [], "a"],
  ["prefix", "/a/bc", [], "ab"],
  ["resume", "/a/b", ["k: yes"], "deep"],
  ["resume", "/a/b", ["k: no"], "a"],
  ["list", "/", ["k: 1"], "exact 1"],
  ["list", "/", ["k: pq"], "prefix p"],
  ["list", "/", ["k: qs"], "suffix s"],
  ["list", "/", ["k: acb"], "contains c"],
  ["list", "/", ["k: 22"], "regex"],
  ["list", "/", ["k: CaSE"], "any case"],
  ["list", "/", ["k: zzz"], null],
  ["list", "/", [], null],
  ["logic", "/", ["a: 1", "b: 1"], "and"],
  ["logic", "/", ["b: 2"], "or"],
  ["logic", "/", ["a: 4"], "not"],
  ["logic", "/", ["a: 3"], null],
  ["logic", "/", [], "not"],
  ["no-match", "/", ["k: x"], "x"],
  ["no-match", "/", ["k: y"], "otherwise"],
  ["nested", "/", ["k: x", "l: y"], "inner"],
  ["nested", "/", ["k: x", "l: z"], "second entry"],
  ["nested", "/", ["k: z"], "outer otherwise"],
  ["nested-otherwise", "/", ["k: x", "l: z"], "inner otherwise"],
  ["own-match", "/x", ["k: a"], "only /x"],
  ["own-match", "/y", ["k: a"], null],
  ["routes", "/1", ["k: a"], "one"],
  ["routes", "/2", ["k: a"], "two"],
  ["routes", "/3", ["k: a"], null],
  ["cluster", "/p?q", ["k: a"], "up2"],
];

const matcherCases = VECTORS.map(([name, path, headers, body]) =>
  exchange(
    `${name}: ${path} with ${JSON.stringify(headers)}`,
    "matcher",
    get(path, `host: ${name}.example`, ...headers),
    {
      facts:
        body === null
          ? { "log.0.details": '"route_not_found"' }
          : { "client.0.response.0.body": body },
    },
  ),
);

// Runtime.
const modify = (query: string, text: string): DifferentialCase["steps"] => [
  adminPost(`/runtime_modify?${query}`),
  send(text),
  response,
];

const fraction = (numerator: number, key: string): Message => ({
  prefix: "/f",
  runtime_fraction: { default_value: { numerator, denominator: "HUNDRED" }, runtime_key: key },
});

const runtimeRoutes: readonly Message[] = [
  says("fraction", fraction(0, "rt.fraction")),
  says("otherwise"),
];

const runtimeHost: Message = { name: "runtime", domains: ["*"], routes: runtimeRoutes };

const runtimeCases: readonly DifferentialCase[] = [
  ...["100", "0", "99999", "-1", "abc", "true", ""].map(
    (value): DifferentialCase => ({
      name: `a fraction by runtime value "${value}"`,
      on: "runtime",
      steps: [
        ...modify(`rt.fraction=${value}`, get("/f")),
        adminPost("/runtime_modify?rt.fraction="),
      ],
    }),
  ),
  exchange("a fraction from a static layer", "runtime-static", get("/f"), {
    facts: { "client.0.response.0.body": "fraction" },
  }),
  exchange("normalises paths by runtime", "runtime-static", get("/x/../y")),
];

export const matchers: DifferentialGroup = {
  name: "matchers",
  bootstrap: bootstrap(
    [
      listener("matcher", [hcmWithHosts(HOSTS)]),
      listener("runtime", [hcmWithHosts([runtimeHost])]),
      listener("runtime-static", [
        hcmWithHosts([
          {
            name: "s",
            domains: ["*"],
            routes: [says("fraction", fraction(0, "rt.static")), routeTo({ prefix: "/" })],
          },
        ]),
      ]),
    ],
    undefined,
    {
      layered_runtime: {
        layers: [
          {
            name: "static",
            static_layer: {
              rt: { static: { numerator: 1_000_000, denominator: "MILLION" } },
              http_connection_manager: { normalize_path: 100 },
            },
          },
          { name: "admin", admin_layer: {} },
        ],
      },
    },
  ),
  cases: [...matcherCases, ...runtimeCases],
};
