// Header mutations of routes, virtual hosts and route configurations: 10.14, append actions,
// formatters.

import { reply } from "../../kit/scripted-upstream.ts";
import { anyHost, bootstrap, hcmWithHosts, listener, type Message, routeTo } from "../bootstrap.ts";
import { answers, type DifferentialCase, type DifferentialGroup, exchange, get } from "../case.ts";

const option = (
  key: string,
  value: string,
  append_action?: string,
  more: Message = {},
): Message => ({
  header: { key, value },
  ...(append_action === undefined ? {} : { append_action }),
  ...more,
});

const OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD";

/** 10.14: route appends, virtual host overwrites, configuration removes and adds. */
const vector = (mostSpecificWins: boolean): Message =>
  hcmWithHosts(
    [
      anyHost(
        [
          {
            ...routeTo({ prefix: "/" }),
            request_headers_to_add: [option("x", "r")],
            response_headers_to_add: [option("y", "r")],
          },
        ],
        {
          request_headers_to_add: [option("x", "v", OVERWRITE)],
          response_headers_to_add: [option("y", "v", OVERWRITE)],
        },
      ),
    ],
    {},
    {
      request_headers_to_remove: ["x"],
      request_headers_to_add: [option("x", "c")],
      response_headers_to_remove: ["y"],
      response_headers_to_add: [option("y", "c")],
      most_specific_header_mutations_wins: mostSpecificWins,
    },
  );

/** Append actions against a header that is there (h) and one that is not (n). */
const ACTIONS = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", OVERWRITE, "OVERWRITE_IF_EXISTS"];

const actionRoutes = ACTIONS.map((action) => ({
  ...routeTo({ path: `/${action}` }),
  request_headers_to_add: [option("h", "new", action), option("n", "new", action)],
  response_headers_to_add: [option("rh", "new", action), option("rn", "new", action)],
}));

const legacyRoutes = [true, false].map((append) => ({
  ...routeTo({ path: `/append-${append}` }),
  request_headers_to_add: [{ header: { key: "h", value: "new" }, append }],
}));

const emptyRoutes = [
  {
    ...routeTo({ path: "/empty" }),
    request_headers_to_add: [
      option("e1", "%REQ(NOT-THERE)%"),
      option("e2", "%REQ(NOT-THERE)%", undefined, { keep_empty_value: true }),
      option("h", "%REQ(NOT-THERE)%", OVERWRITE),
      option("e3", "a%REQ(NOT-THERE)%b"),
    ],
  },
  {
    ...routeTo({ path: "/remove" }),
    request_headers_to_remove: ["h", "User-Agent"],
    response_headers_to_remove: ["RH"],
  },
  {
    ...routeTo({ path: "/remove-add" }),
    request_headers_to_remove: ["h"],
    request_headers_to_add: [option("copy", "%REQ(h)%"), option("h", "after")],
  },
  {
    ...routeTo({ path: "/computed-first" }),
    request_headers_to_add: [option("h", "changed", OVERWRITE), option("seen", "%REQ(h)%")],
  },
  {
    ...routeTo({ path: "/inline" }),
    request_headers_to_add: [
      option("user-agent", "more"),
      option("x-forwarded-for", "1.2.3.4"),
      option("accept", "b"),
      option("cookie", "c=d"),
    ],
    response_headers_to_add: [
      option("server", "mine"),
      option("content-type", "b/c"),
      option("set-cookie", "x=y"),
      option("via", "me"),
    ],
  },
  {
    ...routeTo({ path: "/mixed-case" }),
    request_headers_to_add: [option("X-Mixed-Case", "V")],
    response_headers_to_add: [option("X-Mixed-Response", "V")],
  },
];

/**
 * Formatters in header values: name → format. Durations and ports vary, so kinds are fixed ones.
 */
const FORMATS: readonly (readonly [string, string])[] = [
  ["method", "%REQ(:METHOD)%"],
  ["path", "%REQ(:PATH)%"],
  ["alternative", "%REQ(NOPE?:AUTHORITY)%"],
  ["truncated", "%REQ(H):3%"],
  ["protocol", "%PROTOCOL%"],
  ["remote-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"],
  ["direct-ip", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"],
  ["remote", "%DOWNSTREAM_REMOTE_ADDRESS%"],
  ["local", "%DOWNSTREAM_LOCAL_ADDRESS%"],
  ["local-ip", "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"],
  ["local-port", "%DOWNSTREAM_LOCAL_PORT%"],
  ["percent", "100%%"],
  ["two", "%PROTOCOL%-%REQ(:METHOD)%"],
  ["host-name", "%REQ(:AUTHORITY)%"],
  ["route-name", "%ROUTE_NAME%"],
  ["cluster", "%UPSTREAM_CLUSTER%"],
  ["upstream", "%UPSTREAM_REMOTE_ADDRESS%"],
  ["metadata", "%DYNAMIC_METADATA(none:key)%"],
  ["environment", "%ENVIRONMENT(NOT_SET_ANYWHERE)%"],
  ["code", "%RESPONSE_CODE%"],
  ["flags", "%RESPONSE_FLAGS%"],
  ["details", "%RESPONSE_CODE_DETAILS%"],
  ["scheme", "%REQ(:SCHEME)%"],
  ["hostname", "%UPSTREAM_HOST%"],
  ["query", "%QUERY_PARAM(a)%"],
  ["plain-path", "%PATH(NQ)%"],
  ["request-id", "%REQ(X-REQUEST-ID)%"],
  ["sni", "%REQUESTED_SERVER_NAME%"],
  ["virtual-host", "%VIRTUAL_CLUSTER_NAME%"],
];

const formatRoute: Message = {
  ...routeTo({ prefix: "/" }),
  name: "formatted",
  request_headers_to_add: FORMATS.map(([name, format]) => option(`q-${name}`, format)),
  response_headers_to_add: [
    ...FORMATS.map(([name, format]) => option(`r-${name}`, format)),
    option("r-response", "%RESP(RH)%"),
    option("r-bytes", "%BYTES_RECEIVED%"),
  ],
};

const attempts: Message = anyHost([routeTo({ prefix: "/" })], {
  include_request_attempt_count: true,
  include_attempt_count_in_response: true,
});

const withHeader = answers(reply(200, "x", ["rh: old", "y: 1", "Content-Type: a/b"]));

const cases: readonly DifferentialCase[] = [
  exchange("10.14: route, then virtual host, then configuration", "vector", get("/", "x: 1"), {
    ...withHeader,
    facts: { "upstream.up1.0.headers": /^x: c$/m },
  }),
  exchange("10.14: most specific wins", "vector-specific", get("/", "x: 1"), {
    ...withHeader,
    facts: { "upstream.up1.0.headers": /^x: v\n(.*\n)*x: r$/m },
  }),
  ...ACTIONS.map((action) =>
    exchange(`append action ${action}`, "actions", get(`/${action}`, "h: old"), withHeader),
  ),
  ...[true, false].map((append) =>
    exchange(`legacy append ${append}`, "actions", get(`/append-${append}`, "h: old"), withHeader),
  ),
  exchange(
    "skips empty values unless told to keep them",
    "actions",
    get("/empty", "h: old"),
    withHeader,
  ),
  exchange(
    "removes headers whatever their case",
    "actions",
    get("/remove", "H: 1", "user-agent: u"),
    withHeader,
  ),
  exchange("removes before adding", "actions", get("/remove-add", "h: before"), withHeader),
  exchange(
    "computes values before overwriting",
    "actions",
    get("/computed-first", "h: before"),
    withHeader,
  ),
  exchange(
    "appends to headers that have one line",
    "actions",
    get("/inline", "user-agent: u", "accept: a", "cookie: a=b"),
    withHeader,
  ),
  exchange("lower-cases added names", "actions", get("/mixed-case"), withHeader),
  exchange(
    "formats request and response header values",
    "formats",
    get("/p?a=1", "h: abcdef"),
    withHeader,
  ),
  exchange("formats without optional values", "formats", get("/"), withHeader),
  exchange("counts attempts in request and response", "attempts", get("/"), withHeader),
  exchange("a direct response gets the response headers of all levels", "direct", get("/")),
  ...["refused", "empty", "timeout", "missing"].map((what) =>
    exchange(`a local reply of the router: ${what}`, "direct", get(`/${what}`), {
      ...answers({ ...reply(200), delayMs: 300 }),
      note: "local replies of the router get the response headers of all levels",
    }),
  ),
  exchange(
    "a missing route gets the response headers of the configuration",
    "vector-no-route",
    get("/none"),
  ),
];

const levels: Message = hcmWithHosts(
  [
    anyHost(
      [
        ...["refused", "empty", "timeout", "missing"].map((what) => ({
          ...routeTo({ prefix: `/${what}` }, what === "timeout" ? "up1" : what, {
            timeout: "0.1s",
          }),
          response_headers_to_add: [option("l-route", "1")],
        })),
        {
          match: { prefix: "/" },
          direct_response: { status: 200 },
          response_headers_to_add: [option("l-route", "1")],
        },
      ],
      { response_headers_to_add: [option("l-host", "1")] },
    ),
  ],
  {},
  { response_headers_to_add: [option("l-config", "1")], validate_clusters: false },
);

const noRoute: Message = hcmWithHosts(
  [anyHost([routeTo({ path: "/only" })])],
  {},
  {
    response_headers_to_add: [option("l-config", "1")],
  },
);

export const headerMutations: DifferentialGroup = {
  name: "header-mutations",
  bootstrap: bootstrap([
    listener("vector", [vector(false)]),
    listener("vector-specific", [vector(true)]),
    listener("vector-no-route", [noRoute]),
    listener("actions", [
      hcmWithHosts([anyHost([...actionRoutes, ...legacyRoutes, ...emptyRoutes])]),
    ]),
    listener("formats", [hcmWithHosts([anyHost([formatRoute])])]),
    listener("attempts", [hcmWithHosts([attempts])]),
    listener("direct", [levels]),
  ]),
  cases,
};
