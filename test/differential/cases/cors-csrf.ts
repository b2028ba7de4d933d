// The cors and csrf filters (envoy-semantics 6.2 and 6.3).
import { reply } from "../../kit/scripted-upstream.ts";
import { bootstrap, type Message, routeTo } from "../bootstrap.ts";
import {
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  request,
} from "../case.ts";
import { filter, on, per } from "../filter-bootstrap.ts";

// cors
const cors = (fields: Message): Message => per("cors", "cors.v3.CorsPolicy", fields);

const FULL_CORS: Message = {
  allow_origin_string_match: [
    { exact: "http://good.example" },
    { safe_regex: { regex: "https://.*\\.good\\.example" } },
  ],
  allow_methods: "GET, POST",
  allow_headers: "x-a, x-b",
  expose_headers: "x-c",
  max_age: "600",
  allow_credentials: true,
};

const corsRoutes = [
  {
    ...routeTo({ prefix: "/star" }),
    ...cors({
      allow_origin_string_match: [{ prefix: "h" }, { safe_regex: { regex: ".*" } }],
      allow_methods: "*",
      allow_headers: "*",
    }),
  },
  {
    ...routeTo({ prefix: "/strict" }),
    ...cors({ ...FULL_CORS, forward_not_matching_preflights: false }),
  },
  {
    ...routeTo({ prefix: "/private" }),
    ...cors({ ...FULL_CORS, allow_private_network_access: true }),
  },
  {
    ...routeTo({ prefix: "/off" }),
    ...cors({ ...FULL_CORS, filter_enabled: { default_value: { numerator: 0 } } }),
  },
  {
    ...routeTo({ prefix: "/shadow" }),
    ...cors({
      ...FULL_CORS,
      filter_enabled: { default_value: { numerator: 0 } },
      shadow_enabled: { default_value: { numerator: 100 } },
    }),
  },
  { ...routeTo({ prefix: "/own" }), ...cors({ allow_methods: "PUT" }) },
  routeTo({ prefix: "/" }),
];

const preflight = (path: string, origin: string, ...more: readonly string[]): string =>
  request(
    "OPTIONS",
    path,
    [`origin: ${origin}`, "access-control-request-method: GET", ...more],
    null,
  );

const corsCases: readonly DifferentialCase[] = [
  exchange("answers a preflight", "cors", preflight("/", "http://good.example")),
  exchange(
    "answers a preflight by regex",
    "cors",
    preflight("/", "https://a.good.example", "access-control-request-headers: x-z"),
  ),
  exchange("forwards a preflight from elsewhere", "cors", preflight("/", "http://bad.example")),
  exchange(
    "answers a preflight from elsewhere when told so",
    "cors",
    preflight("/strict", "http://bad.example"),
  ),
  exchange(
    "echoes stars in a preflight",
    "cors",
    preflight("/star", "http://any", "access-control-request-headers: x-q, x-r"),
  ),
  exchange(
    "answers private network access",
    "cors",
    preflight("/private", "http://good.example", "access-control-request-private-network: true"),
  ),
  exchange(
    "does not answer OPTIONS without a request method",
    "cors",
    request("OPTIONS", "/", ["origin: http://good.example"], null),
  ),
  exchange("adds CORS headers to an answer", "cors", get("/", "origin: http://good.example")),
  exchange(
    "adds no CORS headers for another origin",
    "cors",
    get("/", "origin: http://bad.example"),
  ),
  exchange("adds no CORS headers without an origin", "cors", get("/")),
  exchange(
    "replaces the upstream's CORS headers",
    "cors",
    get("/", "origin: http://good.example"),
    answers(
      reply(200, "", [
        "access-control-allow-origin: theirs",
        "access-control-expose-headers: theirs",
      ]),
    ),
  ),
  exchange("CORS switched off", "cors", get("/off", "origin: http://good.example")),
  exchange("CORS in shadow mode counts only", "cors", preflight("/shadow", "http://good.example")),
  exchange(
    "takes missing CORS values from the virtual host",
    "cors",
    preflight("/own", "http://good.example"),
  ),
];

// csrf
const CSRF_ON = { filter_enabled: { default_value: { numerator: 100 } } };

const CSRF_SHADOW = {
  filter_enabled: { default_value: { numerator: 0 } },
  shadow_enabled: { default_value: { numerator: 100 } },
};

const post = (path: string, ...headers: readonly string[]): string =>
  request("POST", path, headers, null);

const csrfCases: readonly DifferentialCase[] = [
  exchange("accepts the same origin", "csrf", post("/", "origin: http://a.example")),
  exchange("rejects another origin", "csrf", post("/", "origin: http://b.example"), {
    facts: { "log.0.details": '"csrf_origin_mismatch"' },
  }),
  exchange("accepts an additional origin", "csrf", post("/", "origin: http://extra.example")),
  exchange("rejects a missing origin", "csrf", post("/")),
  exchange(
    "takes the referer without an origin",
    "csrf",
    post("/", "referer: http://a.example/page"),
  ),
  exchange(
    "takes the referer for a null origin",
    "csrf",
    post("/", "origin: null", "referer: http://a.example/page"),
  ),
  exchange("rejects another port", "csrf", post("/", "origin: http://a.example:81")),
  exchange("does not look at GET", "csrf", get("/", "origin: http://b.example")),
  ...["PUT", "DELETE", "PATCH"].map((method) =>
    exchange(
      `looks at ${method}`,
      "csrf",
      request(method, "/", ["origin: http://b.example"], null),
    ),
  ),
  exchange(
    "does not look at OPTIONS",
    "csrf",
    request("OPTIONS", "/", ["origin: http://b.example"], null),
  ),
  exchange("counts in shadow mode", "csrf", post("/shadow", "origin: http://b.example")),
];

export const corsCsrf: DifferentialGroup = {
  name: "cors-csrf",
  bootstrap: bootstrap([
    on("cors", [filter("cors", "cors.v3.Cors")], corsRoutes, { host: cors(FULL_CORS) }),
    on(
      "csrf",
      [
        filter("csrf", "csrf.v3.CsrfPolicy", {
          ...CSRF_ON,
          additional_origins: [{ exact: "extra.example" }],
        }),
      ],
      [
        { ...routeTo({ prefix: "/shadow" }), ...per("csrf", "csrf.v3.CsrfPolicy", CSRF_SHADOW) },
        routeTo({ prefix: "/" }),
      ],
    ),
  ]),
  cases: [...corsCases, ...csrfCases],
};
