// Path and host normalisation: envoy-semantics 2.4 and the vectors of 10.6.
import { anyHost, bootstrap, hcmWithHosts, listener, type Message, routeTo } from "../bootstrap.ts";
import { type DifferentialCase, type DifferentialGroup, exchange, get, head } from "../case.ts";

const routes = [
  { match: { prefix: "/no" }, direct_response: { status: 200, body: { inline_string: "no" } } },
  routeTo({ prefix: "/" }),
];

const on = (name: string, fields: Message): Message =>
  listener(name, [hcmWithHosts([anyHost(routes)], fields)]);

const NORMAL = { normalize_path: true };
const MERGE = { merge_slashes: true };

/** Listener, path sent, path forwarded; null when it is answered at the door. */
const PATHS: readonly (readonly [on: string, path: string, forwarded: string | null])[] = [
  ["normalize", "/a/../b?x=/../", "/b?x=/../"],
  ["normalize", "/%2e%2e/x", "/x"],
  ["normalize", "/a%2Fb", "/a%2Fb"],
  ["normalize", "/a/./b/.", "/a/b/"],
  ["normalize", "/..", "/"],
  ["normalize", "/a/..", "/"],
  ["normalize", "/a\\b", "/a/b"],
  ["normalize", "/%61%7e%41", "/a~A"],
  ["normalize", "/%3a%2a", "/%3a%2a"],
  ["normalize", "/a b", null],
  ["normalize", "/%00", null],
  ["normalize", "/%zz", "/%zz"],
  ["normalize", "/%", "/%"],
  ["normalize", "/a//b", "/a//b"],
  ["normalize", "/a%5cb", "/a%5cb"],
  ["normalize", '/<>"^`{|}', "/%3C%3E%22%5E%60%7B%7C%7D"],
  ["normalize", "/a/%2E./b", "/b"],
  ["normalize", "/.a/..b/c..", "/.a/..b/c.."],
  ["normalize", "/a;v=1/../b", "/b"],
  ["plain", "/a/../b", "/a/../b"],
  ["plain", "//a///b", "//a///b"],
  ["plain", "/a%2fb", "/a%2fb"],
  ["plain", "/a#frag", null],
  ["plain", "/a?q#frag", null],
  ["plain", "/\u00e9", null],
  ["merge", "//a///b/?q=//", "/a/b/?q=//"],
  ["merge", "/a//", "/a/"],
  ["merge", "/a/../b", "/a/../b"],
  ["both", "//a/..//b", "/b"],
  ["both", "/a/%2e%2e//b?c=//", "/b?c=//"],
  ["unescape", "/a%2f..%2fb", "/b"],
  ["unescape", "/a%5Cb", "/a/b"],
  ["unescape", "/a%2fb?q=%2f", "/a/b?q=%2f"],
  ["unescape", "/no%2fx", null],
  ["unescape-only", "/a%2F..%5Cb", "/a/..\\b"],
  ["redirect", "/a%2Fb?q", null],
  ["redirect", "/a/b", "/a/b"],
  ["reject", "/a%2Fb", null],
  ["reject", "/a%5cb", null],
  ["reject", "/a?b=%2f", "/a?b=%2f"],
  ["keep", "/a%2Fb", "/a%2Fb"],
];

const pathCases = PATHS.map(([name, path, forwarded]) =>
  exchange(`${name}: ${path}`, name, get(path), {
    ...(forwarded === null
      ? {}
      : { facts: { "upstream.up1.0.start": `GET ${forwarded} HTTP/1.1` } }),
  }),
);

/** Listener, host sent, host forwarded. */
const HOSTS: readonly (readonly [on: string, host: string, forwarded: string])[] = [
  ["strip-matching", "a.example:@port:strip-matching@", "a.example"],
  ["strip-matching", "a.example:1234", "a.example:1234"],
  ["strip-matching", "[::1]:@port:strip-matching@", "[::1]"],
  ["strip-any", "a.example:1234", "a.example"],
  ["strip-any", "[::1]:1234", "[::1]"],
  ["strip-any", "[::1]", "[::1]"],
  ["strip-any", "a.example:x", "a.example:x"],
  ["strip-dot", "a.example.", "a.example"],
  ["strip-dot", "a.example.:443", "a.example:443"],
  ["strip-dot", "a.example..", "a.example."],
  ["strip-dot", ".", ""],
  ["plain", "A.EXAMPLE.:80", "A.EXAMPLE.:80"],
];

const hostCases = HOSTS.map(([name, host, forwarded]) =>
  exchange(`${name}: host ${host}`, name, get("/", `host: ${host}`), {
    facts: {
      "upstream.up1.0.headers": new RegExp(`^host: ?${forwarded.replace(/[.[\]]/g, "\\$&")}$`, "m"),
    },
  }),
);

const others: readonly DifferentialCase[] = [
  exchange("OPTIONS * is not a path", "plain", head("OPTIONS * HTTP/1.1", "host: a")),
  exchange("GET * is not a path", "plain", head("GET * HTTP/1.1", "host: a")),
  exchange("a relative path is not a path", "plain", head("GET a/b HTTP/1.1", "host: a")),
  exchange(
    "an empty absolute path becomes /",
    "plain",
    head("GET http://b.example HTTP/1.1", "host: a"),
  ),
  exchange(
    "redirects a gRPC request with escaped slashes by an error",
    "redirect",
    get("/a%2Fb", "content-type: application/grpc"),
  ),
  exchange(
    "rejects a gRPC request with escaped slashes",
    "reject",
    get("/a%2Fb", "content-type: application/grpc"),
  ),
  exchange("routes by the normalised path", "normalize", get("/x/../no"), {
    facts: { "client.0.response.0.body": "no" },
  }),
];

export const hcmPaths: DifferentialGroup = {
  name: "hcm-paths",
  bootstrap: bootstrap([
    on("plain", {}),
    on("normalize", NORMAL),
    on("merge", MERGE),
    on("both", { ...NORMAL, ...MERGE }),
    on("unescape", { ...NORMAL, path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" }),
    on("unescape-only", { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" }),
    on("redirect", { ...NORMAL, path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" }),
    on("reject", { path_with_escaped_slashes_action: "REJECT_REQUEST" }),
    on("keep", { ...NORMAL, path_with_escaped_slashes_action: "KEEP_UNCHANGED" }),
    on("strip-matching", { strip_matching_host_port: true }),
    on("strip-any", { strip_any_host_port: true }),
    on("strip-dot", { strip_trailing_host_dot: true }),
  ]),
  cases: [...pathCases, ...hostCases, ...others],
};
