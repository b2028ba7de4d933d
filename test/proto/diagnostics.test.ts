// Broken bootstraps: each gives exactly one diagnostic, at the right place, with a remedy.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDiagnostic } from "../../src/base/diagnostic.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { messages, problems } from "./decode-text.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const EXTENSIONS = "type.googleapis.com/envoy.extensions";

const GOOD = `admin:
  address:
    socket_address: {address: 127.0.0.1, port_value: 15000}
static_resources:
  listeners:
  - name: main
    address:
      socket_address: {address: 0.0.0.0, port_value: 10000}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": ${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: "/"}
                route: {cluster: one, timeout: 5s}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": ${EXTENSIONS}.filters.http.router.v3.Router
  clusters:
  - name: one
    connect_timeout: 0.25s
    type: STRICT_DNS
    load_assignment:
      cluster_name: one
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {address: localhost, port_value: 8080}
`;

interface Breakage {
  readonly what: string;
  /** The first occurrence of this text … */
  readonly find: string;
  /** … is replaced by this one. */
  readonly by: string;
  /** \`line:column: path: message (remedy)\`; the path may be shortened to its end. */
  readonly expect: RegExp;
}

const BREAKAGES: readonly Breakage[] = [
  {
    what: "a misspelled field at the top",
    find: "static_resources:",
    by: "static_resource:",
    expect: /^4:1: error: static_resource: Unknown field .* \(did you mean "static_resources"\?\)$/,
  },
  {
    what: "a misspelled field inside",
    find: "connect_timeout",
    by: "conect_timeout",
    expect: /^28:5: .*clusters\[0\]\.conect_timeout: .*\(did you mean "connect_timeout"\?\)$/,
  },
  {
    what: "a misspelled field in an Any",
    find: "stat_prefix",
    by: "stats_prefix",
    expect: /^14:11: .*typed_config\.stats_prefix: .*\(did you mean "stat_prefix"\?\)$/,
  },
  {
    what: "a camel-case misspelling",
    find: "connect_timeout",
    by: "connectTimeOut",
    expect: /^28:5: .*\(did you mean "connect_timeout"\?\)$/,
  },
  {
    what: "a field that exists nowhere, with the few that do",
    find: 'prefix: "/"',
    by: 'prefix: "/", zzzzzzzzz: 1',
    expect: /^20:38: .*match\.zzzzzzzzz: .*\(see envoy\.config\.route\.v3\.RouteMatch\)$/,
  },
  {
    what: "a port out of range",
    find: "10000",
    by: "100000",
    expect: /^8:42: .*port_value: Must be at most 65535, is 100000 \(use 65535 or less\)$/,
  },
  {
    what: "a negative port",
    find: "10000",
    by: "-1",
    expect: /^8:54: .*port_value: -1 is out of range \(use 0 to 4294967295\)$/,
  },
  {
    what: "a port that is a word",
    find: "10000",
    by: "http",
    expect: /^8:54: .*Expected a whole number, found "http" \(write digits only\)$/,
  },
  {
    what: "an empty name",
    find: "- name: one",
    by: '- name: ""',
    expect: /^27:5: .*clusters\[0\]\.name: Must not be empty \(give it a value\)$/,
  },
  {
    what: "a missing name",
    find: "- name: one\n    connect",
    by: "- connect",
    expect: /^27:5: .*clusters\[0\]\.name: Must not be empty \(give it a value\)$/,
  },
  {
    what: "a missing address",
    find: "socket_address: {address: localhost, port_value: 8080}",
    by: "{}",
    expect: /^35:13: .*endpoint\.address: Lacks its address \(set one of socket_address, pipe/,
  },
  {
    what: "a duration without unit",
    find: "timeout: 5s",
    by: "timeout: 5",
    expect: /^21:48: .*route\.timeout: Expected a duration, found 5 \(write "5s"\)$/,
  },
  {
    what: "a duration in milliseconds",
    find: "0.25s",
    by: "250ms",
    expect: /^28:22: .*connect_timeout: Expected a duration, found "250ms" \(write "0\.25s"\)$/,
  },
  {
    what: "a zero connect timeout",
    find: "0.25s",
    by: "0s",
    expect: /^28:5: .*connect_timeout: Must be more than 0s, is 0s \(use more than 0s\)$/,
  },
  {
    what: "a wrong enum value",
    find: "STRICT_DNS",
    by: "STRICT_DNSS",
    expect:
      /^29:11: .*clusters\[0\]\.type: Unknown value "STRICT_DNSS" \(did you mean STRICT_DNS\?\)$/,
  },
  {
    what: "a duplicate key",
    find: "    type: STRICT_DNS\n",
    by: "    type: STRICT_DNS\n    type: STATIC\n",
    expect: /^30:5: error: Key "type" is already set in line 29 \(remove one, or merge the two\)$/,
  },
  {
    what: "a list given as a map",
    find: 'domains: ["*"]',
    by: "domains: {a: b}",
    expect: /^18:24: .*domains: Expected a list, found a map \(begin each item with -\)$/,
  },
  {
    what: "a list given as a word",
    find: 'domains: ["*"]',
    by: 'domains: "*"',
    expect: /^18:24: .*domains: Expected a list, found "\*" \(begin each item with -\)$/,
  },
  {
    what: "an empty list that needs an item",
    find: 'domains: ["*"]',
    by: "domains: []",
    expect: /^18:15: .*virtual_hosts\[0\]\.domains: Needs at least 1 item \(add one\)$/,
  },
  {
    what: "a map given as a word",
    find: 'match: {prefix: "/"}',
    by: 'match: "/"',
    expect: /^20:24: .*match: Expected a map, found "\/" \(fields here: /,
  },
  {
    what: "a route without match",
    find: 'match: {prefix: "/"}\n                route:',
    by: "route:",
    expect: /^20:17: .*routes\[0\]\.match: Is required \(add match\)$/,
  },
  {
    what: "a match without a path specifier",
    find: '{prefix: "/"}',
    by: "{case_sensitive: false}",
    expect: /^20:17: .*match: Lacks its path_specifier \(set one of prefix, path, safe_regex/,
  },
  {
    what: "a route without an action",
    find: "route: {cluster: one, timeout: 5s}",
    by: "name: x",
    expect: /^20:17: .*routes\[0\]: Lacks its action \(set one of route, redirect/,
  },
  {
    what: "two actions in one route",
    find: "route: {cluster: one, timeout: 5s}",
    by: "route: {cluster: one}\n                redirect: {}",
    expect: /^22:17: .*redirect: Excludes "route": .*\(remove "route" or "redirect"\)$/,
  },
  {
    what: "an unquoted number for a string",
    find: "stat_prefix: ingress",
    by: "stat_prefix: 8080",
    expect: /^14:24: .*Expected a string, found number 8080 \(put it in quotes: "8080"\)$/,
  },
  {
    what: "an unquoted yes for a string",
    find: "stat_prefix: ingress",
    by: "stat_prefix: yes",
    expect: /^14:24: .*Expected a string, found boolean yes \(put it in quotes: "yes"\)$/,
  },
  {
    what: "an @type that does not exist",
    find: "http.router.v3.Router",
    by: "http.routr.v3.Router",
    expect:
      /^25:24: .*Unknown type .*routr\.v3\.Router \(did you mean .*http\.router\.v3\.Router\?\)$/,
  },
  {
    what: "an @type without prefix",
    find: `${EXTENSIONS}.filters.http.router`,
    by: "envoy.extensions.filters.http.router",
    expect: /^25:24: .*A type URL needs a slash .*\(write type\.googleapis\.com\/envoy/,
  },
  {
    what: "a typed_config without @type",
    find: `"@type": ${EXTENSIONS}.filters.http.router.v3.Router`,
    by: "suppress_envoy_headers: true",
    expect: /^25:15: .*typed_config: Lacks "@type".*\(add "@type": type\.googleapis\.com/,
  },
  {
    what: "a v2 type",
    find: `${EXTENSIONS}.filters.http.router.v3.Router`,
    by: "type.googleapis.com/envoy.config.filter.http.router.v2.Router",
    expect:
      /^25:24: .*belongs to Envoy's v2 API \(use .*extensions\.filters\.http\.router\.v3\.Router\)$/,
  },
  {
    what: "a v2 resource type",
    find: `${EXTENSIONS}.filters.http.router.v3.Router`,
    by: "type.googleapis.com/envoy.api.v2.Cluster",
    expect: /^25:24: .*belongs to Envoy's v2 API \(use .*envoy\.config\.cluster\.v3\.Cluster\)$/,
  },
  {
    what: "a v2 config block",
    find: `typed_config:\n              "@type": ${EXTENSIONS}.filters.http.router.v3.Router`,
    by: "config: {}",
    expect: /^24:13: .*http_filters\[0\]\.config: Unknown field .*\(v2 API: write typed_config/,
  },
  {
    what: "a v2 filter that is only a name",
    find: `- name: envoy.filters.http.router\n            typed_config:\n              "@type": ${EXTENSIONS}.filters.http.router.v3.Router`,
    by: "- name: envoy.router",
    expect: /^23:13: .*Extension "envoy\.router" has no typed_config \(add .*router\.v3\.Router\)$/,
  },
  {
    what: "v2 cluster hosts",
    find: "    load_assignment:",
    by: "    hosts: []\n    load_assignment:",
    expect: /^30:5: .*clusters\[0\]\.hosts: .*\(v2 API: write load_assignment with endpoints\)$/,
  },
  {
    what: "a v2 tls_context",
    find: "    load_assignment:",
    by: "    tls_context: {}\n    load_assignment:",
    expect: /^30:5: .*\(v2 API: write transport_socket with envoy\.transport_sockets\.tls\)$/,
  },
  {
    what: "a tab",
    find: "  clusters:",
    by: "\tclusters:",
    expect: /^26:1: error: Tabs are not allowed as indentation \(indent with spaces\)$/,
  },
  {
    what: "a second document",
    find: "  clusters:",
    by: "---\nclusters:",
    expect: /^27:1: error: A second YAML document begins here \(keep one\)$/,
  },
  {
    what: "an unknown alias",
    find: "connect_timeout: 0.25s",
    by: "connect_timeout: *timeout",
    expect: /^28:22: error: .*\*?timeout.* \(.*\)$/,
  },
  {
    what: "a null in a list",
    find: 'domains: ["*"]',
    by: "domains: [~]",
    expect:
      /^18:25: .*domains\[0\]: An item of a list cannot be null \(remove the item or fill it\)$/,
  },
  {
    what: "a header name with a line break",
    find: "          http_filters:",
    by: '          via: "a\\nb"\n          http_filters:',
    expect: /^22:11: .*via: Must be text without NUL, CR and LF \(remove the other characters\)$/,
  },
  {
    what: "a percentage over 100",
    find: "          http_filters:",
    by: "          tracing: {random_sampling: {value: 200}}\n          http_filters:",
    expect: /^22:39: .*value: Must be at most 100, is 200 \(use 100 or less\)$/,
  },
  {
    what: "bytes that are no base64",
    find: "connect_timeout: 0.25s",
    by: "metadata: {typed_filter_metadata: {a: {'@type': a/envoy.config.core.v3.DataSource, inline_bytes: '!'}}}",
    expect: /^28:102: .*Expected bytes in base64 \(encode the bytes in base64\)$/,
  },
];

describe("a good bootstrap", () => {
  it("has no diagnostic", () => assert.deepEqual(problems(BOOTSTRAP, GOOD), []));
});

describe("a broken bootstrap gives one diagnostic with place and remedy", () => {
  for (const { what, find, by, expect } of BREAKAGES) {
    it(what, () => {
      assert.ok(GOOD.includes(find), `"${find}" is not in the text`);
      const found = problems(
        BOOTSTRAP,
        GOOD.replace(find, () => by),
      ).map((diagnostic) => formatDiagnostic(diagnostic).replace("test.yaml:", ""));
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", expect);
    });
  }
});

describe("several slips", () => {
  it("give one diagnostic each", () => {
    const text = GOOD.replace("10000", "x").replace("0.25s", "y").replace("STRICT_DNS", "Z");
    const places = problems(BOOTSTRAP, text).map(({ source }) => source?.line);
    assert.deepEqual(places, [8, 28, 29]);
  });

  it("are listed up to a limit", () => {
    const clusters = Array.from({ length: 500 }, () => "{x: 1}").join(", ");
    assert.equal(problems(BOOTSTRAP, `static_resources: {clusters: [${clusters}]}`).length, 200);
  });
});

describe("mutated texts", () => {
  it("never throw; what is refused has an error with a place", () => {
    const random = new SeededRandom();
    const pieces = [
      ..."{}[]:,-#&*!|>'\"%@`\n ~\\",
      "  ",
      "- ",
      ": ",
      "null",
      "99999999999",
      "true",
    ];
    for (let round = 0; round < 1500; round++) {
      let text = GOOD;
      for (let edits = 1 + random.below(4); edits > 0; edits--) {
        const at = random.below(text.length);
        text = text.slice(0, at) + random.pick(pieces) + text.slice(at + random.below(8));
      }
      const input = { file: "mutated.yaml", text };
      const decoded = messages.decodeText(BOOTSTRAP, input, { unknownFields: "error" });
      const errors = decoded.diagnostics.filter(({ severity }) => severity === "error");
      const where = `seed ${random.seed} round ${round}`;
      assert.equal(decoded.message === null, errors.length > 0, where);
      assert.ok(
        errors.every(({ source }) => source !== undefined),
        where,
      );
    }
  });
});

describe("text that is no bootstrap at all", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "Is empty"],
    ["# only a comment\n", "Is empty"],
    ["hello", 'Expected a map, found "hello"'],
    ["[1, 2]", "Expected a map, found a list"],
    ["{", "Flow map"],
  ];
  for (const [text, message] of cases) {
    it(`${JSON.stringify(text)} is refused`, () => {
      const found = problems(BOOTSTRAP, text);
      assert.equal(found.length, 1);
      assert.ok(found[0]?.message.startsWith(message), JSON.stringify(found));
      assert.notEqual(found[0]?.remedy, "");
    });
  }
});
