// The stateful_session filter: hosts of sessions in cookies, headers and envelopes.
import { reply } from "../../kit/scripted-upstream.ts";
import { any, bootstrap, cluster, type Message, routeTo, STANDARD_CLUSTERS } from "../bootstrap.ts";
import {
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  header,
  noHeader,
} from "../case.ts";
import { filter, on, per } from "../filter-bootstrap.ts";

const state = (name: string, message: string, fields: Message): Message => ({
  session_state: {
    name: `envoy.http.stateful_session.${name}`,
    typed_config: any(`envoy.extensions.http.stateful_session.${name}.v3.${message}`, fields),
  },
});
const cookie = (fields: Message = {}): Message =>
  state("cookie", "CookieBasedSessionState", { cookie: { name: "sess", ...fields } });
const inHeader = state("header", "HeaderBasedSessionState", { name: "x-session" });
const envelope = state("envelope", "EnvelopeSessionState", { header: { name: "x-session" } });

const session = (fields: Message): Message =>
  filter("stateful_session", "stateful_session.v3.StatefulSession", {
    stat_prefix: "ss",
    ...fields,
  });
const perSession = (fields: Message): Message =>
  per("stateful_session", "stateful_session.v3.StatefulSessionPerRoute", fields);

/** `/pair` goes to up1 and up2; elsewhere the only host is up1. */
const routes = [routeTo({ prefix: "/pair" }, "pair"), routeTo({ prefix: "/" })];

const sick = (name: string, health_status: string, fields: Message = {}): Message => {
  const made = cluster(name, ["@upstream:up1@", "@upstream:up2@"], fields) as {
    load_assignment: { endpoints: { lb_endpoints: Message[] }[] };
  };
  const [, second] = made.load_assignment.endpoints[0]?.lb_endpoints ?? [];
  const endpoints = made.load_assignment.endpoints[0]?.lb_endpoints ?? [];
  endpoints[1] = { ...second, health_status };
  return made;
};

const statuses = (...names: readonly string[]): Message => ({
  common_lb_config: { override_host_status: { statuses: names } },
});

const CLUSTERS = [
  ...STANDARD_CLUSTERS,
  cluster("pair", ["@upstream:up1@", "@upstream:up2@"]),
  sick("degraded", "DEGRADED"),
  sick("unhealthy", "UNHEALTHY"),
  sick("draining", "DRAINING"),
  sick("degraded-refused", "DEGRADED", statuses("HEALTHY")),
  sick("draining-taken", "DRAINING", statuses("HEALTHY", "DRAINING")),
];
const sickRoutes = ["degraded-refused", "degraded", "unhealthy", "draining-taken", "draining"].map(
  (name) => routeTo({ prefix: `/${name}` }, name),
);

const listeners = [
  on("cookie", [session(cookie())], [...sickRoutes, ...routes]),
  on("cookie-strict", [session({ ...cookie(), strict: true })], [...sickRoutes, ...routes]),
  on("cookie-full", [
    session(
      cookie({
        ttl: "120s",
        path: "/a",
        attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }],
      }),
    ),
  ]),
  on("cookie-below", [session(cookie({ path: "/a/" }))]),
  on("header", [session(inHeader)], routes),
  on("header-strict", [session({ ...inHeader, strict: true })], routes),
  on("envelope", [session(envelope)], routes),
  on(
    "silent",
    [filter("stateful_session", "stateful_session.v3.StatefulSession", cookie())],
    routes,
  ),
  on("stateless", [session({})], routes),
  on(
    "routes",
    [session(cookie())],
    [
      { ...routeTo({ prefix: "/off" }, "pair"), ...perSession({ disabled: true }) },
      {
        ...routeTo({ prefix: "/header" }),
        ...perSession({ stateful_session: { ...inHeader, strict: true } }),
      },
      ...routes,
    ],
  ),
];

const sess = (value: string): string => `cookie: a=b; sess=${value}`;
const to = (name: string): CaseFacts => ({ "client.0.response.0.body": name });
type CaseFacts = Readonly<Record<string, string>>;
const SET = "client.0.response.0.headers";
const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");

const cookieCases: readonly DifferentialCase[] = [
  exchange("gives a client its session", "cookie", get("/"), {
    facts: { [SET]: header("set-cookie", 'sess="<session:up1>"; HttpOnly') },
  }),
  exchange("follows a session to up1", "cookie", get("/pair", sess("@session:up1@")), {
    facts: { ...to("up1"), [SET]: noHeader("set-cookie") },
  }),
  exchange("follows a session to up2", "cookie", get("/pair", sess("@session:up2@")), {
    facts: { ...to("up2"), [SET]: noHeader("set-cookie") },
  }),
  exchange("follows a quoted cookie", "cookie", get("/pair", sess('"@session:up2@"')), {
    facts: to("up2"),
  }),
  exchange(
    "follows a cookie that is an address alone",
    "cookie",
    get("/pair", sess("@host:up2@")),
    {
      facts: to("up2"),
    },
  ),
  exchange("moves a session whose host is gone", "cookie", get("/", sess("@session:up2@")), {
    facts: { ...to("up1"), [SET]: header("set-cookie", 'sess="<session:up1>"; HttpOnly') },
  }),
  exchange(
    "a strict session whose host is gone fails",
    "cookie-strict",
    get("/", sess("@session:up2@")),
    {
      facts: { "log.0.flags": '"UH"', "log.0.details": '"no_healthy_upstream"' },
    },
  ),
  exchange("a strict session goes on", "cookie-strict", get("/pair", sess("@session:up2@")), {
    facts: to("up2"),
  }),
  exchange("a strict filter begins sessions", "cookie-strict", get("/")),
  ...[
    ["no base64", "%%%"],
    ["no padding", base64("\n\x0f127.0.0.1:1").replace(/=+$/, "")],
    ["another message", base64("\x12\x01a")],
    ["an empty address", base64("\n\0")],
    ["a cut message", base64("\n\x0f127")],
    ["nothing", ""],
    ["an expired session", base64("\n\x0b127.0.0.1:1\x10\x01")],
  ].map(([what, value]) =>
    exchange(`starts anew with ${what}`, "cookie", get("/", sess(value as string))),
  ),
  exchange("a cookie with everything", "cookie-full", get("/a"), {
    facts: {
      [SET]: header(
        "set-cookie",
        'sess="<session>"; Max-Age=120; Path=/a; SameSite=Strict; Secure; HttpOnly',
      ),
    },
  }),
  ...["/ab", "/a/b", "/a?b", "/b"].map((path) =>
    exchange(`a session of /a at ${path}`, "cookie-full", get(path)),
  ),
  ...["/a", "/a/", "/a/b", "/ab"].map((path) =>
    exchange(`a session of /a/ at ${path}`, "cookie-below", get(path)),
  ),
  exchange("counts nothing without a prefix", "silent", get("/")),
  exchange("does nothing without a state", "stateless", get("/")),
  exchange("a local answer has no session", "cookie", get("/pair", "connection: x"), {
    alike: ["up1", "up2"],
  }),
];

const healthCases: readonly DifferentialCase[] = [
  // Without the session, a degraded host would be chosen now and then.
  ...["degraded", "unhealthy", "draining", "draining-taken"].map((name) =>
    exchange(
      `a session to a host that is ${name}`,
      "cookie",
      get(`/${name}`, sess("@session:up2@")),
    ),
  ),
  ...["degraded", "unhealthy", "draining", "degraded-refused", "draining-taken"].map((name) =>
    exchange(
      `a strict session to a host that is ${name}`,
      "cookie-strict",
      get(`/${name}`, sess("@session:up2@")),
    ),
  ),
];

const theirs = (value: string): ReturnType<typeof answers> =>
  answers(reply(200, "", [`x-session: ${value}`]));

const headerCases: readonly DifferentialCase[] = [
  exchange("a header names the host of a session", "header", get("/"), {
    facts: { [SET]: header("x-session", "<host:up1>") },
  }),
  exchange("follows a header", "header", get("/pair", "x-session: @host:up2@"), {
    facts: to("up2"),
  }),
  exchange(
    "follows the first of two headers",
    "header",
    get("/pair", "x-session: @host:up2@", "x-session: @host:up1@"),
    { facts: to("up2") },
  ),
  exchange("an address in plain text is no session", "header", get("/", "x-session: 127.0.0.1:1")),
  exchange("replaces the service's header", "header", get("/"), theirs("theirs")),
  exchange(
    "keeps the service's header when the host stays",
    "header",
    get("/", "x-session: @host:up1@"),
    theirs("theirs"),
  ),
  exchange(
    "a strict header whose host is gone fails",
    "header-strict",
    get("/", "x-session: @host:up2@"),
  ),
];

const id = base64("theirs");
const envelopeCases: readonly DifferentialCase[] = [
  exchange("puts the service's id into an envelope", "envelope", get("/"), theirs("theirs")),
  exchange("adds no envelope without an id", "envelope", get("/")),
  exchange(
    "adds no envelope to two ids",
    "envelope",
    get("/"),
    answers(reply(200, "", ["x-session: one", "x-session: two"])),
  ),
  exchange("opens the envelope", "envelope", get("/pair", `x-session: @host:up2@;UV:${id}`), {
    facts: to("up2"),
  }),
  exchange(
    "opens the envelope, and closes it again",
    "envelope",
    get("/", `x-session: @host:up1@;UV:${id}`),
    theirs("theirs"),
  ),
  ...["@host:up1@", "plain", "@host:up1@;UV:", `;UV:${id}`, `@host:up1@;XX:YQ==;UV:${id}`].map(
    (value) =>
      exchange(`an envelope of ${value}`, "envelope", get("/", `x-session: ${value}`), theirs("t")),
  ),
  exchange(
    "two envelopes",
    "envelope",
    get("/", `x-session: @host:up1@;UV:${id}`, "x-session: two"),
    theirs("t"),
  ),
];

const routeCases: readonly DifferentialCase[] = [
  exchange("a route has a session state of its own", "routes", get("/header")),
  exchange("its strictness counts", "routes", get("/header", "x-session: @host:up2@")),
  exchange("other routes have the filter's", "routes", get("/", sess("@session:up1@"))),
];

export const sessions: DifferentialGroup = {
  name: "sessions",
  bootstrap: bootstrap(listeners, CLUSTERS),
  cases: [...cookieCases, ...healthCases, ...headerCases, ...envelopeCases, ...routeCases],
};
