// HTTP/1 at its edges: upgrades that fail, nominated headers, odd framings both ways, pipelines.
import { reply } from "../../kit/scripted-upstream.ts";
import { anyHost, bootstrap, hcmWithHosts, listener, routeTo } from "../bootstrap.ts";
import {
  answers,
  type CaseOptions,
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  request,
  response,
  send,
} from "../case.ts";

const raw = (text: string): CaseOptions => answers({ send: text });
const ok = answers(reply(200, "x"));
const post = (...lines: readonly string[]): string => head("POST / HTTP/1.1", "host: a", ...lines);
const upgradeTo = (type: string): string =>
  head("GET / HTTP/1.1", "host: a", "connection: Upgrade", `upgrade: ${type}`);
const chunked = (body: string): string => post("transfer-encoding: chunked") + body;
const grpc = (...lines: readonly string[]): string =>
  post("content-type: application/grpc", ...lines);

const upgradeCases: readonly DifferentialCase[] = [
  exchange(
    "a WebSocket handshake answered by a redirect",
    "main",
    upgradeTo("websocket"),
    raw("HTTP/1.1 302 Found\r\nlocation: /x\r\nx-foo: 1\r\ncontent-length: 1\r\n\r\nx"),
  ),
  exchange(
    "a handshake answered by 404",
    "main",
    upgradeTo("websocket"),
    answers(reply(404, "no")),
  ),
  exchange(
    "a handshake answered by 500",
    "main",
    upgradeTo("websocket"),
    answers(reply(500, "no")),
  ),
  exchange(
    "another upgrade answered by 200",
    "main",
    upgradeTo("other"),
    answers(reply(200, "yes")),
  ),
  exchange("an upgrade without connection: upgrade", "main", get("/", "upgrade: websocket"), ok),
  exchange(
    "CONNECT refused by the upstream",
    "main",
    head("CONNECT b:81 HTTP/1.1", "host: b:81"),
    answers(reply(403, "no")),
  ),
];

const nominationCases: readonly DifferentialCase[] = [
  exchange("nine nominations", "main", get("/", "connection: a,b,c,d,e,f,g,h,i"), ok),
  exchange("ten nominations", "main", get("/", "connection: a,b,c,d,e,f,g,h,i,j")),
  exchange("te too long to judge", "main", get("/", "connection: te", `te: ${"x".repeat(300)}`)),
  exchange("the host is nominated", "main", get("/", "connection: host")),
  exchange(
    "the length is nominated",
    "main",
    `${post("connection: content-length", "content-length: 2")}hi`,
    ok,
  ),
  exchange(
    "two connection lines",
    "main",
    get("/", "connection: keep-alive", "connection: x-y", "x-y: 1"),
    ok,
  ),
  exchange("proxy-connection: close", "main", get("/", "proxy-connection: close"), ok),
];

const requestCases: readonly DifferentialCase[] = [
  exchange(
    "repeated request headers",
    "main",
    get("/", "accept: a", "accept: b", "x: 1", "x: 2"),
    ok,
  ),
  exchange("another expectation", "main", post("expect: foo", "content-length: 0"), ok),
  exchange("TRACE", "main", head("TRACE / HTTP/1.1", "host: a"), ok),
  exchange("an empty PATCH", "main", head("PATCH / HTTP/1.1", "host: a"), ok),
  exchange("DELETE with a body", "main", request("DELETE", "/", [], "x"), ok),
  exchange("chunked in capitals", "main", `${post("transfer-encoding: CHUNKED")}0\r\n\r\n`, ok),
  exchange("transfer-encoding: identity", "main", post("transfer-encoding: identity")),
  exchange("a list as length", "main", `${post("content-length: 1, 1")}x`),
  exchange("a length with a sign", "main", `${post("content-length: +1")}x`),
  exchange("a length beyond all numbers", "main", post("content-length: 99999999999999999999")),
  exchange("an empty value", "main", get("/", "x-empty:"), ok),
  exchange("blanks around a value", "main", get("/", "x-s:   a b  "), ok),
  exchange("a tab inside a value", "main", get("/", "x-s: a\tb"), ok),
  exchange("a NUL inside a value", "main", get("/", "x-s: a\0b")),
  exchange("a parenthesis in a name", "main", get("/", "x(s: a")),
  exchange("an empty name", "main", get("/", ": a")),
  exchange("a line without a colon", "main", get("/", "abc")),
  exchange("chunks with leading zeros", "main", chunked("0001\r\na\r\n000\r\n\r\n"), ok),
  exchange("a negative chunk", "main", chunked("-1\r\na\r\n"), ok),
  exchange("a chunk beyond all numbers", "main", chunked("fffffffffffffffff\r\na\r\n"), ok),
  exchange(
    "a gRPC request with both framings",
    "main",
    grpc("content-length: 1", "transfer-encoding: chunked"),
  ),
  exchange(
    "a gRPC request that nominates x-forwarded-for",
    "main",
    grpc("connection: x-forwarded-for", "content-length: 0"),
  ),
  exchange(
    "a gRPC request answered by 503",
    "main",
    grpc("content-length: 0"),
    answers(reply(503, "x")),
  ),
];

const responses: Readonly<Record<string, string>> = {
  "proxy-connection: close":
    "HTTP/1.1 200 OK\r\nproxy-connection: close\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.0 that keeps the connection":
    "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
  "204 with a length": "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n",
  "204 with length zero": "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
  "204 with chunks": "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "103 with chunks":
    "HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "304 with a length": "HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\n",
  "both framings":
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "repeated headers":
    "HTTP/1.1 200 OK\r\nvary: a\r\nvary: b\r\nx: 1\r\nx: 2\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
  "101 headers": `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(101)}content-length: 0\r\n\r\n`,
  "headers over 80 KiB": `HTTP/1.1 200 OK\r\na: ${"b".repeat(90_000)}\r\ncontent-length: 0\r\n\r\n`,
  "no reason phrase": "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
  "a version in lower case": "http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "status 600": "HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n",
  "status 999": "HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n",
  "an empty line first": "\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "trailers nobody asked for":
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
};

const responseCases: readonly DifferentialCase[] = Object.entries(responses).map(([name, text]) =>
  exchange(`an upstream answers with ${name}`, "main", get("/"), raw(text)),
);

const pipelineCases: readonly DifferentialCase[] = [
  {
    name: "three requests at once",
    on: "main",
    steps: [send(get("/1") + get("/2") + get("/3")), response, response, response],
    ...ok,
    logs: 3,
  },
  {
    name: "a request behind connection: close",
    on: "main",
    steps: [send(get("/", "connection: close") + get("/b")), response, closed],
    ...ok,
  },
  {
    name: "an empty line between two requests",
    on: "main",
    steps: [send(get("/1")), response, send(`\r\n${get("/2")}`), response],
    ...ok,
    logs: 2,
  },
  {
    name: "garbage behind a request",
    on: "main",
    steps: [send(get("/1")), response, send("garbage\r\n\r\n"), response, closed],
    ...ok,
    logs: 2,
  },
];

export const http1Edges: DifferentialGroup = {
  name: "http1-edges",
  bootstrap: bootstrap([
    listener("main", [
      hcmWithHosts(
        [
          anyHost([
            routeTo({ connect_matcher: {} }, "up1", {
              upgrade_configs: [{ upgrade_type: "CONNECT" }],
            }),
            routeTo({ prefix: "/" }),
          ]),
        ],
        { upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "other" }] },
      ),
    ]),
  ]),
  cases: [...upgradeCases, ...nominationCases, ...requestCases, ...responseCases, ...pipelineCases],
};
