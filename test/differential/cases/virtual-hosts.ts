// Virtual host selection: envoy-semantics 3.1 and the vectors of 10.2, require_tls, vhost_header.
import { bootstrap, hcmWithHosts, listener, type Message } from "../bootstrap.ts";
import { type DifferentialCase, type DifferentialGroup, exchange, get } from "../case.ts";

const named = (name: string, domains: readonly string[], fields: Message = {}): Message => ({
  name,
  domains,
  routes: [
    { match: { prefix: "/only" }, direct_response: { status: 200, body: text(`${name} only`) } },
    { match: { path: "/" }, direct_response: { status: 200, body: text(name) } },
  ],
  ...fields,
});

function text(inline: string): Message {
  return { inline_string: inline };
}

const VECTOR_HOSTS: readonly Message[] = [
  named("v1", ["a.foo.com"]),
  named("v2", ["*.foo.com"]),
  named("v3", ["*foo.com"]),
  named("v4", ["a.*"]),
  named("v5", ["*"]),
];

const NO_CATCH_ALL: readonly Message[] = [
  named("exact", ["one.example", "One-More.EXAMPLE", "port.example:8080", "[::1]:80"]),
  named("long", ["*.b.example"]),
  named("short", ["*.example", "*-bar.test"]),
  named("prefix-long", ["api.v1.*"]),
  named("prefix-short", ["api.*", "foo-*"]),
];

/** Host header → virtual host, as in 10.2 and 3.1. */
const VECTORS: readonly (readonly [host: string, expected: string])[] = [
  ["A.FOO.com", "v1"],
  ["b.foo.com", "v2"],
  ["xfoo.com", "v3"],
  ["foo.com", "v5"],
  ["a.bar", "v4"],
  ["a.foo.com:80", "v4"],
  [".foo.com", "v3"],
  ["a.", "v5"],
];

const IGNORE_PORT: typeof VECTORS = [
  ["a.foo.com:80", "v1"],
  ["b.foo.com:1", "v2"],
  ["[::1]:80", "v5"],
];

const OTHERS: readonly (readonly [host: string, expected: string | null])[] = [
  ["one.example", "exact"],
  ["ONE.EXAMPLE", "exact"],
  ["one-more.example", "exact"],
  ["one.example:80", null],
  ["port.example:8080", "exact"],
  ["port.example", "short"],
  ["[::1]:80", "exact"],
  ["[::1]", null],
  ["a.b.example", "long"],
  ["b.example", "short"],
  [".example", null],
  ["x-bar.test", "short"],
  ["-bar.test", null],
  ["api.v1.anything", "prefix-long"],
  ["api.v2", "prefix-short"],
  ["api.", null],
  ["foo-x", "prefix-short"],
  ["nowhere.test", null],
];

const served = (host: string | null, expected: string | null): string =>
  `serves host ${host} from ${expected ?? "no virtual host"}`;

function pick(on: string, host: string, expected: string | null): DifferentialCase {
  const facts: Record<string, string> =
    expected === null
      ? { "log.0.details": '"route_not_found"', "log.0.flags": '"NR"' }
      : { "client.0.response.0.body": expected };
  return exchange(`${on} ${served(host, expected)}`, on, get("/", `host: ${host}`), { facts });
}

const tlsHost = (name: string, require_tls: string): Message =>
  named(name, [`${name}.example`], { require_tls });

const others: readonly DifferentialCase[] = [
  exchange(
    "does not fall through to another virtual host",
    "vectors",
    get("/no", "host: a.foo.com"),
    {
      facts: { "client.0.response.0.start": "HTTP/1.1 404 Not Found" },
    },
  ),
  exchange(
    "answers a path that only the chosen host knows",
    "vectors",
    get("/only/x", "host: b.foo.com"),
  ),
  exchange(
    "takes the host from vhost_header",
    "by-header",
    get("/", "host: x", "x-vhost: a.foo.com"),
    {
      facts: { "client.0.response.0.body": "v1" },
    },
  ),
  exchange("has no route without vhost_header", "by-header", get("/", "host: a.foo.com"), {
    facts: { "client.0.response.0.start": "HTTP/1.1 404 Not Found" },
  }),
  exchange(
    "redirects to https when require_tls is ALL",
    "tls",
    get("/a?b=c", "host: all.example"),
    {
      facts: { "client.0.response.0.start": "HTTP/1.1 301 Moved Permanently" },
    },
  ),
  exchange(
    "believes x-forwarded-proto for require_tls",
    "tls",
    get("/", "host: all.example", "x-forwarded-proto: https"),
    { facts: { "client.0.response.0.body": "all" } },
  ),
  exchange(
    "redirects external requests when require_tls is EXTERNAL_ONLY",
    "tls",
    get("/", "host: external.example"),
  ),
  exchange("drops the port when redirecting to https", "tls", get("/x", "host: all.example:80")),
  exchange("does not redirect when require_tls is NONE", "tls", get("/", "host: none.example")),
  exchange(
    "does not redirect an internal request",
    "tls-internal",
    get("/", "host: external.example"),
    {
      facts: { "client.0.response.0.body": "external" },
    },
  ),
  exchange(
    "looks at no host when there is only a catch-all",
    "catch-all",
    get("/", "host: any-thing.x:99"),
  ),
];

const tlsHosts = [
  tlsHost("all", "ALL"),
  tlsHost("external", "EXTERNAL_ONLY"),
  tlsHost("none", "NONE"),
];

export const virtualHosts: DifferentialGroup = {
  name: "virtual-hosts",
  bootstrap: bootstrap([
    listener("vectors", [hcmWithHosts(VECTOR_HOSTS)]),
    listener("ignore-port", [
      hcmWithHosts(VECTOR_HOSTS, {}, { ignore_port_in_host_matching: true }),
    ]),
    listener("others", [hcmWithHosts(NO_CATCH_ALL)]),
    listener("by-header", [
      hcmWithHosts(VECTOR_HOSTS.slice(0, 4), {}, { vhost_header: "x-vhost" }),
    ]),
    listener("catch-all", [hcmWithHosts([named("only", ["*"])])]),
    listener("tls", [hcmWithHosts(tlsHosts)]),
    listener("tls-internal", [
      hcmWithHosts(tlsHosts, {
        use_remote_address: true,
        internal_address_config: {
          cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }],
        },
      }),
    ]),
  ]),
  cases: [
    ...VECTORS.map(([host, expected]) => pick("vectors", host, expected)),
    ...IGNORE_PORT.map(([host, expected]) => pick("ignore-port", host, expected)),
    ...OTHERS.map(([host, expected]) => pick("others", host, expected)),
    ...others,
  ],
};
