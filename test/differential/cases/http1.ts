// HTTP/1 on the wire: framing, trailers, versions, absolute URLs, odd responses.
import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  hcm,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
} from "../bootstrap.ts";
import {
  answers,
  type CaseOptions,
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  header,
  pause,
  request,
  response,
  responseToHead,
  send,
} from "../case.ts";

const on = (name: string, fields: Message): Message => listener(name, [hcm(fields)]);
const http1 = (fields: Message): Message => ({ http_protocol_options: fields });
const raw = (text: string): CaseOptions => answers({ send: text });

const chunked = (path: string, ...headers: readonly string[]): string =>
  head(`POST ${path} HTTP/1.1`, "host: a", "transfer-encoding: chunked", ...headers);

const framingCases: readonly DifferentialCase[] = [
  exchange("forwards a body with its length", "main", request("POST", "/", [], "hello")),
  exchange("forwards an empty body with its length", "main", request("POST", "/", [], "")),
  exchange("forwards a POST without a body", "main", request("POST", "/", [], null)),
  exchange("forwards a GET with a body", "main", request("GET", "/", [], "hello")),
  exchange(
    "forwards chunks as chunks",
    "main",
    `${chunked("/")}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  ),
  exchange("forwards an empty chunked body", "main", `${chunked("/")}0\r\n\r\n`),
  exchange("forgets chunk extensions", "main", `${chunked("/")}5;a=b\r\nhello\r\n0;c\r\n\r\n`),
  exchange(
    "reads sizes in upper and lower hex",
    "main",
    `${chunked("/")}A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n`,
  ),
  exchange(
    "drops request trailers",
    "main",
    `${chunked("/", "trailer: x-t")}2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n`,
  ),
  exchange(
    "forwards request trailers when told so",
    "trailers",
    `${chunked("/", "trailer: x-t")}2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n`,
  ),
  exchange("rejects both framings", "main", `${chunked("/", "content-length: 5")}0\r\n\r\n`, {
    facts: { "log.0.details": '"http1.content_length_and_chunked_not_allowed"' },
  }),
  exchange(
    "drops the length of both framings when told so",
    "chunked-length",
    `${chunked("/", "content-length: 5")}2\r\nhi\r\n0\r\n\r\n`,
  ),
  exchange(
    "rejects an unknown transfer encoding",
    "main",
    head("POST / HTTP/1.1", "host: a", "transfer-encoding: gzip, chunked"),
    {
      facts: { "log.0.details": '"http1.invalid_transfer_encoding"' },
    },
  ),
  {
    name: "forwards a body that comes in pieces",
    on: "main",
    steps: [
      send(head("POST / HTTP/1.1", "host: a", "content-length: 10")),
      pause(20),
      send("01234"),
      pause(20),
      send("56789"),
      response,
    ],
  },
  {
    name: "reads a head that comes byte by byte",
    on: "main",
    steps: [
      ...[..."GET / HTTP/1.1\r\nhost: a\r\n\r\n"].flatMap((byte) => [send(byte), pause(1)]),
      response,
    ],
  },
  exchange("forwards a large body", "main", request("POST", "/", [], "x".repeat(300_000))),
  exchange("forwards a large response", "main", get("/"), answers(reply(200, "y".repeat(300_000)))),
  exchange("skips empty lines before a request", "main", `\r\n\r\n${get("/")}`),
];

const responseCases: readonly DifferentialCase[] = [
  exchange(
    "forwards a chunked response",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
  ),
  exchange(
    "drops response trailers",
    "main",
    get("/"),
    raw(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n",
    ),
  ),
  exchange(
    "forwards response trailers when told so",
    "trailers",
    get("/t"),
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"),
  ),
  exchange(
    "frames a response that ends by close",
    "main",
    get("/"),
    answers({ send: "HTTP/1.1 200 OK\r\n\r\nuntil the end", after: "close" }),
  ),
  exchange(
    "frames an HTTP/1.0 response",
    "main",
    get("/"),
    answers({ send: "HTTP/1.0 200 OK\r\n\r\nold", after: "close" }),
  ),
  exchange("forwards 204", "main", get("/"), raw("HTTP/1.1 204 No Content\r\n\r\n")),
  exchange(
    "forwards 204 with a content-length",
    "main",
    get("/"),
    raw("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange(
    "forwards 304 with a content-length",
    "main",
    get("/"),
    raw("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\netag: x\r\n\r\n"),
  ),
  exchange(
    "forwards 304 without a body",
    "main",
    get("/"),
    raw("HTTP/1.1 304 Not Modified\r\n\r\n"),
  ),
  exchange(
    "forwards 200 without a body",
    "main",
    get("/"),
    raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange(
    "replaces the reason phrase",
    "main",
    get("/"),
    raw("HTTP/1.1 200 Sure Thing\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange(
    "forwards an unknown status",
    "main",
    get("/"),
    raw("HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n"),
  ),
  exchange("forwards 418", "main", get("/"), raw("HTTP/1.1 418 X\r\ncontent-length: 0\r\n\r\n")),
  exchange("forwards 599", "main", get("/"), raw("HTTP/1.1 599 X\r\ncontent-length: 0\r\n\r\n")),
  exchange(
    "forwards repeated response headers",
    "main",
    get("/"),
    answers(reply(200, "", ["set-cookie: a=1", "set-cookie: b=2", "x: 1", "x: 2"])),
  ),
  {
    name: "HEAD of a chunked response",
    on: "main",
    steps: [send(request("HEAD", "/", [], null)), responseToHead],
    ...raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
  },
  {
    name: "HEAD of a response without framing",
    on: "main",
    steps: [send(request("HEAD", "/", [], null)), responseToHead],
    ...raw("HTTP/1.1 200 OK\r\n\r\n"),
  },
  {
    name: "an answer before the request has ended",
    on: "main",
    steps: [
      send(`${head("POST / HTTP/1.1", "host: a", "content-length: 100")}abc`),
      response,
      closed,
    ],
    upstreams: { up1: { replies: [{ ...reply(413, "no"), when: "head" }] } },
    facts: { "client.0.end": "closed" },
  },
  {
    name: "an upstream that ends inside a response of known length",
    on: "main",
    steps: [send(get("/")), response, closed],
    ...answers({ send: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", after: "close" }),
  },
  {
    name: "an upstream that ends inside a chunked response",
    on: "main",
    steps: [send(get("/")), response, closed],
    ...answers({
      send: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
      after: "close",
    }),
  },
];

const versionCases: readonly DifferentialCase[] = [
  exchange("refuses HTTP/1.0", "main", "GET / HTTP/1.0\r\nhost: a\r\n\r\n", {
    facts: { "log.0.details": '"low_version"' },
  }),
  exchange("accepts HTTP/1.0 when told so", "http10", "GET / HTTP/1.0\r\nhost: a\r\n\r\n"),
  exchange("gives HTTP/1.0 the default host", "http10", "GET / HTTP/1.0\r\n\r\n"),
  exchange(
    "keeps an HTTP/1.0 connection alive when asked",
    "http10",
    "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
  ),
  exchange(
    "sends HTTP/1.0 a body until close",
    "http10",
    "GET / HTTP/1.0\r\n\r\n",
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
  ),
  exchange(
    "closes HTTP/1.0 keep-alive without a length",
    "http10",
    "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
  ),
  exchange("answers HTTP/1.0 locally", "http10", "GET /direct HTTP/1.0\r\n\r\n"),
  exchange("refuses a request without host", "main", "GET / HTTP/1.1\r\n\r\n", {
    facts: { "log.0.details": '"missing_host_header"' },
  }),
];

const absolute = (target: string, ...headers: readonly string[]): string =>
  head(`GET ${target} HTTP/1.1`, ...headers);

const targetCases: readonly DifferentialCase[] = [
  exchange(
    "takes the host of an absolute URL",
    "main",
    absolute("http://b.example/x?y", "host: a"),
    {
      facts: { "upstream.up1.0.headers": header("host", "b.example") },
    },
  ),
  exchange(
    "takes the port of an absolute URL",
    "main",
    absolute("http://b.example:81/x", "host: a"),
  ),
  exchange("accepts an absolute URL without host header", "main", absolute("http://b.example/x")),
  exchange(
    "forwards an https URL in a sidecar",
    "main",
    absolute("https://b.example/x", "host: a"),
  ),
  exchange("refuses an https URL at the edge", "edge", absolute("https://b.example/x", "host: a")),
  exchange("refuses an unknown scheme", "main", absolute("ftp://b.example/x", "host: a")),
  exchange(
    "refuses absolute URLs when told so",
    "no-absolute",
    absolute("http://b.example/x", "host: a"),
  ),
  exchange(
    "accepts an absolute URL with a query and no path",
    "main",
    absolute("http://b.example?q=1", "host: a"),
  ),
  exchange("accepts an upper-case scheme", "main", absolute("HTTP://b.example/", "host: a")),
  exchange(
    "refuses user info in an absolute URL",
    "main",
    absolute("http://u:p@b.example/", "host: a"),
  ),
  exchange("refuses an absolute URL without host", "main", absolute("http:///x", "host: a")),
  exchange("forwards unknown methods", "main", head("BREW / HTTP/1.1", "host: a")),
  exchange("forwards PATCH", "main", request("PATCH", "/", [], "x")),
  exchange("forwards PRI-like methods", "main", head("PROPFIND / HTTP/1.1", "host: a")),
  exchange("forwards OPTIONS with a path", "main", head("OPTIONS /x HTTP/1.1", "host: a")),
  exchange("forwards TRACE", "main", head("TRACE / HTTP/1.1", "host: a")),
  exchange("refuses a host with bad characters", "main", get("/", "host: a b"), {
    facts: { "log.0.details": /invalid_authority|codec_error|invalid/ },
  }),
  exchange("refuses a host with a slash", "main", get("/", "host: a/b")),
  exchange("refuses an empty host", "main", get("/", "host:")),
  exchange("refuses two hosts", "main", head("GET / HTTP/1.1", "host: a", "host: b")),
  exchange("keeps going after an error when told so", "stream-error", get("/", "host: a/b"), {}),
];

const direct = {
  match: { prefix: "/direct" },
  direct_response: { status: 200, body: { inline_string: "d" } },
};

const trailerCluster = (): Message => ({
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http_protocol_options: { enable_trailers: true } } },
    ),
  },
});

const base = bootstrap([
  on("main", {}),
  listener("trailers", [
    hcmWithHosts(
      [anyHost([routeTo({ prefix: "/" }, "trailing")])],
      http1({ enable_trailers: true }),
    ),
  ]),
  on("chunked-length", http1({ allow_chunked_length: true })),
  listener("http10", [
    hcmWithHosts(
      [anyHost([direct, routeTo({ prefix: "/" })])],
      http1({ accept_http_10: true, default_host_for_http_10: "old.example" }),
    ),
  ]),
  on("edge", { use_remote_address: true }),
  on("no-absolute", http1({ allow_absolute_url: false })),
  on("stream-error", http1({ override_stream_error_on_invalid_http_message: true })),
]);

const statics = base["static_resources"] as { listeners: Message[]; clusters: Message[] };
const up1 = statics.clusters[0] as Message;

/** Like up1, but with trailers enabled towards the upstream. */
const trailing: Message = { ...up1, name: "trailing", ...trailerCluster() };

export const http1Wire: DifferentialGroup = {
  name: "http1",
  bootstrap: {
    ...base,
    static_resources: {
      ...statics,
      clusters: [
        ...statics.clusters,
        {
          ...trailing,
          load_assignment: { ...(up1["load_assignment"] as Message), cluster_name: "trailing" },
        },
      ],
    },
  },
  cases: [...framingCases, ...responseCases, ...versionCases, ...targetCases],
};
