// Internal redirects: what the proxy follows, what the next request looks like, what goes to the
// client.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
import {
  any,
  bootstrap,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  STANDARD_CLUSTERS,
} from "../bootstrap.ts";
import {
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  type Facts,
  get,
  request,
  response,
  saw,
  send,
} from "../case.ts";

const PREDICATES = "envoy.extensions.internal_redirect";

const predicate = (name: string, message: string, fields: Message = {}): Message => ({
  name: `envoy.internal_redirect_predicates.${name}`,
  typed_config: any(`${PREDICATES}.${name}.v3.${message}`, fields),
});

const allowListed = predicate("allow_listed_routes", "AllowListedRoutesConfig", {
  allowed_route_names: ["target"],
});
const previousRoutes = predicate("previous_routes", "PreviousRoutesConfig");
const safeCrossScheme = predicate("safe_cross_scheme", "SafeCrossSchemeConfig");

/** Policies by path. */
const POLICIES: Readonly<Record<string, Message>> = {
  plain: {},
  twice: { max_internal_redirects: 2 },
  never: { max_internal_redirects: 0 },
  all: { redirect_response_codes: [301, 302, 303, 307, 308] },
  strange: { redirect_response_codes: [300, 304, 302] },
  copy: { response_headers_to_copy: ["x-new", "x-gone"] },
  cross: { allow_cross_scheme_redirect: true },
  safe: { allow_cross_scheme_redirect: true, predicates: [safeCrossScheme] },
  listed: { predicates: [allowListed] },
  loop: { max_internal_redirects: 5, predicates: [previousRoutes] },
};

const policyRoute = (path: string, policy: Message, fields: Message = {}): Message =>
  routeTo(
    { prefix: `/${path}/` },
    "up1",
    { timeout: "0s", internal_redirect_policy: policy, ...fields },
    { name: path },
  );

const routes: readonly Message[] = [
  ...Object.entries(POLICIES).map(([name, policy]) => policyRoute(name, policy)),
  policyRoute(
    "retried",
    {},
    { retry_policy: { retry_on: "retriable-status-codes", retriable_status_codes: [302] } },
  ),
  { ...policyRoute("limited", {}), per_request_buffer_limit_bytes: 4 },
  {
    name: "direct",
    match: { prefix: "/direct" },
    direct_response: { status: 200, body: { inline_string: "d" } },
  },
  { name: "moved", match: { prefix: "/moved" }, redirect: { path_redirect: "/elsewhere" } },
  routeTo({ prefix: "/target" }, "up2", { timeout: "0s" }, { name: "target" }),
  routeTo({ prefix: "/" }, "up1", { timeout: "0s" }, { name: "rest" }),
];

const to = (location: string, status = 302, headers: readonly string[] = []): UpstreamReply =>
  reply(status, "", [`location: ${location}`, ...headers]);

const STATUS = "client.0.response.0.start";
const line = (status: number): RegExp => new RegExp(`^HTTP/1\\.1 ${status} `);

const plays = (
  replies: readonly UpstreamReply[],
  facts: Facts,
  more: CaseOptions = {},
): CaseOptions => ({
  upstreams: { up1: { replies } },
  facts,
  ...more,
});

const FOLLOWED: CaseOptions = { logs: 2 };
const TARGET = "http://a.example/target?x=1";

/** Two requests upstream, two log lines. */
function followed(
  name: string,
  text: string,
  replies: readonly UpstreamReply[],
  facts: Facts = {},
): DifferentialCase {
  const both = { [STATUS]: line(200), "log.0.details": '"internal_redirect"', ...facts };
  return exchange(name, "main", text, plays(replies, both, FOLLOWED));
}

/** The redirect goes to the client. */
function passed(name: string, path: string, replies: readonly UpstreamReply[]): DifferentialCase {
  const facts = { [STATUS]: line(302), "log.0.details": '"via_upstream"' };
  return exchange(name, "main", get(path), plays(replies, facts));
}

const followedCases: readonly DifferentialCase[] = [
  followed("an absolute location", get("/plain/a?b=1"), [to(TARGET)], {
    "upstream.up2.0.headers": /^x-envoy-original-url: http:\/\/a\.example\/plain\/a\?b=1$/m,
  }),
  followed("a location with a fragment", get("/plain/"), [to(`${TARGET}#part`)]),
  followed("a location without a path", get("/plain/"), [to("http://a.example"), reply(200)]),
  followed("a location with a port", get("/plain/"), [to("http://a.example:80/target")]),
  followed("a location with another host", get("/plain/"), [to("http://b.example/target")]),
  followed("a location in capitals", get("/plain/"), [to("HTTP://a.example/target")]),
  followed("a redirect with a body", get("/plain/"), [
    reply(302, "moved", [`location: ${TARGET}`]),
  ]),
  followed("a body goes along", request("POST", "/all/", [], "some body"), [to(TARGET, 307)], {
    "upstream.up2.0.body": "some body",
  }),
  followed("303 makes GET of POST", request("POST", "/all/", [], "some body"), [to(TARGET, 303)], {
    "upstream.up2.0.start": /^GET /,
  }),
  followed("303 leaves GET alone", get("/all/"), [to(TARGET, 303)]),
  followed("301 keeps POST", request("POST", "/all/", [], "some body"), [to(TARGET, 301)], {
    "upstream.up2.0.start": /^POST /,
  }),
  followed("308", get("/all/"), [to(TARGET, 308)]),
  followed(
    "headers of the redirect are copied, absent ones removed",
    get("/copy/", "x-gone: 1", "x-kept: 1"),
    [to(TARGET, 302, ["x-new: a", "x-new: b", "x-other: c"])],
    { "upstream.up2.0.headers": [/^x-new: a$/m, /^x-kept: 1$/m] },
  ),
  followed("to a direct response", get("/plain/"), [to("http://a.example/direct")]),
  followed("a listed route", get("/listed/"), [to(TARGET)]),
  followed("to https, where that is allowed", get("/cross/"), [to("https://a.example/target")], {
    "upstream.up2.0.headers": /^x-envoy-original-url: http:\/\/a\.example\/cross\/$/m,
  }),
  followed("to http, safely", get("/safe/"), [to(TARGET)]),
  exchange("to another redirect, which is the client's", "main", get("/plain/"), {
    ...plays([to("http://a.example/moved")], { [STATUS]: line(301) }, FOLLOWED),
  }),
  exchange("twice", "main", get("/twice/"), {
    ...plays([to("http://a.example/twice/2"), to(TARGET)], { [STATUS]: line(200) }, { logs: 3 }),
  }),
  {
    name: "the connection serves the next request",
    on: "main",
    steps: [send(get("/plain/")), response, send(get("/")), response],
    ...plays([to(TARGET), reply(200, "next")], { "client.0.response.1.body": "next" }, { logs: 3 }),
  },
];

const passedCases: readonly DifferentialCase[] = [
  exchange("a second redirect of one", "main", get("/plain/"), {
    ...plays(
      [to("http://a.example/plain/2"), to("http://a.example/plain/3")],
      { [STATUS]: line(302), "log.1.details": '"via_upstream"' },
      FOLLOWED,
    ),
  }),
  passed("none is allowed", "/never/", [to(TARGET)]),
  passed("a relative location", "/plain/", [to("/target")]),
  passed("a location without scheme", "/plain/", [to("//a.example/target")]),
  passed("a location of another kind", "/plain/", [to("ftp://a.example/target")]),
  passed("a location without host", "/plain/", [to("http://")]),
  passed("a location with a query only", "/plain/", [to("http://a.example?x=1")]),
  passed("an empty location", "/plain/", [to("")]),
  passed("no location", "/plain/", [reply(302)]),
  passed("to https", "/plain/", [to("https://a.example/target")]),
  passed("to https, unsafely", "/safe/", [to("https://a.example/target")]),
  passed("no route for the location's host", "/plain/", [to("http://nowhere.example/")]),
  passed("a route that is not listed", "/listed/", [to("http://a.example/rest")]),
  exchange("a status that is not listed", "main", get("/plain/"), {
    ...plays([to(TARGET, 301)], { [STATUS]: line(301) }),
  }),
  exchange("a status that can not be listed", "main", get("/strange/"), {
    ...plays([to(TARGET, 300)], { [STATUS]: line(300) }),
  }),
  exchange("to a route that was a target before", "main", get("/loop/"), {
    ...plays(
      [to("http://a.example/loop/2"), to("http://a.example/loop/3")],
      { [STATUS]: line(302) },
      FOLLOWED,
    ),
  }),
  exchange("a body over the limit", "main", request("POST", "/limited/", [], "0123456789"), {
    ...plays([to(TARGET)], { [STATUS]: line(302) }),
  }),
  exchange("a retry comes before a redirect", "main", get("/retried/"), {
    ...plays([to(TARGET), reply(200, "again")], { "client.0.response.0.body": "again" }),
  }),
  exchange("a redirect after the last retry", "main", get("/retried/"), {
    ...plays([to(TARGET)], { [STATUS]: line(200) }, FOLLOWED),
  }),
  {
    name: "a request that is not complete",
    on: "main",
    steps: [
      send(`${request("POST", "/plain/", ["content-length: 9"], null)}half`),
      saw("up1", "half"),
      response,
    ],
    ...plays(
      [
        {
          send: `HTTP/1.1 302 X\r\nlocation: ${TARGET}\r\ncontent-length: 0\r\n\r\n`,
          when: "head",
        },
      ],
      { [STATUS]: line(302) },
    ),
  },
];

const HOST: Message = { name: "here", domains: ["a.example", "a.example:80", "b.example"], routes };

export const internalRedirects: DifferentialGroup = {
  name: "internal-redirects",
  bootstrap: bootstrap([listener("main", [hcmWithHosts([HOST])])], STANDARD_CLUSTERS),
  cases: [...followedCases, ...passedCases],
};
