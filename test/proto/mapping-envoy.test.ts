// Which bootstraps a real Envoy accepts and refuses, and whether we do the same. What Envoy accepts
// and we refuse on purpose is marked `stricter`, with the reason; the other way round `wider`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadTextMessages } from "../../src/proto/text-messages.ts";
import { requirePeer } from "../kit/find-envoy.ts";
import { envoyCommand, freePorts, ProxyProcess } from "../kit/proxy-process.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const envoy = requirePeer("envoy");
const messages = await loadTextMessages();
await messages.prepare();
const folder = mkdtempSync(join(tmpdir(), "message-mapping-"));
after(() => rmSync(folder, { recursive: true }));

function indented(text: string, spaces: number): string {
  return text.replace(/^/gm, " ".repeat(spaces));
}

function cluster(fields: string): string {
  return `static_resources:\n  clusters:\n  - name: c1\n    connect_timeout: 1s\n${indented(fields, 4)}\n`;
}

const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

function manager(
  fields: string,
  filter: string = `{name: r, typed_config: {"@type": ${ROUTER}}}`,
): string {
  return `static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          route_config: {}
          http_filters: [${filter}]
${indented(fields, 10)}
`;
}

function check(binary: string): string {
  return cluster(
    `health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {send: {binary: "${binary}"}}}]`,
  );
}

function any(content: string): string {
  return cluster(`metadata: {typed_filter_metadata: {a: {${content}}}}`);
}

type Case = readonly [what: string, text: string];
const limit = "per_connection_buffer_limit_bytes";
const wkt = '"@type": type.googleapis.com/google.protobuf';

/** A running proxy with one of many kinds of values in its configuration. */
const RUNNING = `${manager(
  `stream_idle_timeout: 1.5s
tracing: {random_sampling: {value: 12.5}}
access_log:
- name: envoy.access_loggers.stdout
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
    log_format: {json_format: {a: "%PROTOCOL%", b: {c: 1}}}`,
  `{name: r, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: ${ROUTER}, value: {suppress_envoy_headers: true}}}`,
).replace(
  "route_config: {}",
  "route_config: {virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: c}}]}]}",
)}
  clusters:
  - name: c
    connect_timeout: 0.25s
    type: STATIC
    lb_policy: RING_HASH
    ring_hash_lb_config: {maximum_ring_size: 1024}
    outlier_detection: {interval: 1.25s, consecutive_5xx: 0}
    metadata: {filter_metadata: {x: {a: 1, b: [true, s, 1.5, ~]}}}
    health_checks:
    - {timeout: 1s, interval: 60s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {send: {binary: "AAEC"}}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http_protocol_options: {}}
    load_assignment:
      cluster_name: c
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}
`;

const SAME: readonly Case[] = [
  ...["123", "yes", "1.5", "12345678901", "null", "~", "! 123", "!!str 123", "|\n  123"].map(
    (text): Case => [`a string ${text}`, cluster(`alt_stat_name: ${text}`)],
  ),
  ...['"true"', '"True"', '"yes"', '"1"', "yes", "On", "oN", "1", '"on"'].map(
    (text): Case => [`a boolean ${text}`, cluster(`respect_dns_ttl: ${text}`)],
  ),
  ...[
    '"1000"',
    "1000.0",
    "1000.5",
    "1e3",
    "0x10",
    '"0x10"',
    "010",
    "08",
    "+8",
    "-8",
    "4294967295",
  ].map((text): Case => [`an unsigned integer ${text}`, cluster(`${limit}: ${text}`)]),
  ...["4294967296", "null", '""', '" 5"', "{value: 5}", '!!int "5"'].map(
    (text): Case => [`an unsigned integer ${text}`, cluster(`${limit}: ${text}`)],
  ),
  ...["5", '"5"', "5ms", "1.5s", ".5s", "1.s", "1.0000000001s", "1.000000001s", "-1s", "0s"].map(
    (text): Case => [`a duration ${text}`, cluster(`cleanup_interval: ${text}`)],
  ),
  ...["{seconds: 5}", "+5s", "1 s", "s"].map(
    (text): Case => [`a duration ${text}`, cluster(`cleanup_interval: ${text}`)],
  ),
  ...["random", "1", "99", '"1"', "1.0", "null", "ring-hash", "ringHash"].map(
    (text): Case => [`an enum ${text}`, cluster(`lb_policy: ${text}`)],
  ),
  ...["50", '"50"', "0.5", ".5", "5e0", "NaN", ".nan", "200", "true"].map(
    (text): Case => [`a double ${text}`, manager(`tracing: {random_sampling: {value: ${text}}}`)],
  ),
  ...["+/+/", "-_-_", "YQ", "YQ==", "a!", "abcde"].map(
    (text): Case => [`bytes ${text}`, check(text)],
  ),
  ["a camel-case name", cluster("altStatName: b")],
  ["an unknown field", cluster("foo: 1")],
  ["a null message", cluster("metadata: null")],
  ["a null in a list", cluster("health_checks: [null]")],
  ["a null list", cluster("health_checks: null")],
  ["a map for a list", cluster("health_checks: {}")],
  ["a word for a list", manager("").replace(/http_filters: .*/, "http_filters: x")],
  ["a null in a map of messages", cluster("metadata: {filter_metadata: {a: null}}")],
  ["a word for a message", cluster("metadata: x")],
  ["an empty message", cluster("load_assignment:")],
  ["a oneof twice", cluster(`type: STATIC\ncluster_type: {name: x, typed_config: {${wkt}.Empty}}`)],
  ["a oneof with null", cluster("type: STATIC\ncluster_type: null")],
  ["an alias", cluster("metadata: {filter_metadata: {a: &x {b: 1}, c: *x}}")],
  ["an unknown alias", cluster("alt_stat_name: *x")],
  ["an entry with !ignore", cluster("!ignore foo: &x 5s\ncleanup_interval: *x")],
  ["an @type without slash", any('"@type": google.protobuf.Empty')],
  ["an @type with another prefix", any('"@type": example.com/google.protobuf.Empty')],
  ["an Any without @type", any("a: 1")],
  ["an empty Any", any("")],
  ["an Any of an unknown type", any('"@type": type.googleapis.com/foo.Bar')],
  ["an Any of a Duration", any(`${wkt}.Duration, value: 5s`)],
  ["an Any of a Duration without value", any(`${wkt}.Duration`)],
  ["an Any of a Struct", any(`${wkt}.Struct, value: {a: b}`)],
  ["an Any of a Struct without value", any(`${wkt}.Struct, a: b`)],
  ["an Any of a StringValue", any(`${wkt}.StringValue, value: b`)],
  ["an Any of Empty", any(`${wkt}.Empty`)],
  ["an Any of Empty with value", any(`${wkt}.Empty, value: {}`)],
  ["an Any of an Any", any(`${wkt}.Any, value: {${wkt}.StringValue, value: b}`)],
  [
    "a TypedStruct",
    manager(
      "",
      `{name: r, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: ${ROUTER}, value: {suppress_envoy_headers: true}}}`,
    ),
  ],
  [
    "a TypedStruct with an unknown field",
    manager(
      "",
      `{name: r, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: ${ROUTER}, value: {foo: 1}}}`,
    ),
  ],
  ["a filter that is only a name", manager("", `{name: envoy.filters.http.router}`)],
  [
    "a disabled filter that is only a name",
    manager(
      "",
      `{name: envoy.filters.http.cors, disabled: true}, {name: r, typed_config: {"@type": ${ROUTER}}}`,
    ),
  ],
  [
    "an optional filter that is only a name",
    manager(
      "",
      `{name: envoy.filters.http.foo, is_optional: true}, {name: r, typed_config: {"@type": ${ROUTER}}}`,
    ),
  ],
  ["an access log that is only a name", manager("access_log: [{name: envoy.access_loggers.file}]")],
  [
    "a transport socket that is only a name",
    cluster("transport_socket: {name: envoy.transport_sockets.raw_buffer}"),
  ],
  ["a deprecated field", cluster("max_requests_per_connection: 5")],
  ["a header with a line break", manager('via: "a\\nb"')],
  ["a numeric map key", manager("local_reply_config: {body_format: {json_format: {1: a}}}")],
  ["lists of lists in a Struct", cluster("metadata: {filter_metadata: {a: {b: [[1,2],{c: ~}]}}}")],
  ["nothing", ""],
  ["a comment", "# hi\n"],
  ["a list", "- a\n"],
  ["a word", "a"],
  ["a tab", cluster("\tfoo: 1")],
  ["a bad indentation", cluster("alt_stat_name: a\n  b: c")],
  ["an open brace", cluster("metadata: {a: ")],
  ["a map as key", cluster("? {a: b}\n: c")],
  ["a byte order mark", `\ufeff${cluster("alt_stat_name: a")}`],
  ["CRLF", cluster("alt_stat_name: a").replaceAll("\n", "\r\n")],
  ["a YAML directive", `%YAML 1.2\n---\n${cluster("alt_stat_name: a")}`],
  ["JSON", '{"static_resources":{"clusters":[{"name":"a","connect_timeout":"1s"}]}}'],
];

const STRICTER: readonly Case[] = [
  ["a duplicate key: Envoy silently takes one", cluster("alt_stat_name: a\nalt_stat_name: b")],
  ["a field in both name styles: Envoy takes one", cluster("alt_stat_name: a\naltStatName: b")],
  ["a second document: Envoy ignores it", `${cluster("alt_stat_name: b")}---\nfoo: {}\n`],
];

const WIDER: readonly Case[] = [
  ["a merge key", cluster("!ignore x: &x {timeout_budgets: true}\ntrack_cluster_stats: {<<: *x}")],
];

async function envoyAccepts(file: string): Promise<boolean> {
  const args = ["--mode", "validate", "-c", file, "-l", "off", "--concurrency", "1"];
  const child = spawn(envoy.path, args, { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.notEqual(code, null, "Envoy was killed");
  return code === 0;
}

function weAccept(text: string): boolean {
  const input = { file: "bootstrap.yaml", text };
  return messages.decodeText(BOOTSTRAP, input, { unknownFields: "error" }).message !== null;
}

let files = 0;

/** Envoy's answers, asked two at a time. */
async function envoyAnswers(texts: readonly string[]): Promise<boolean[]> {
  const answers: boolean[] = [];
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let index = next++; index < texts.length; index = next++) {
      const file = join(folder, `${++files}.yaml`);
      writeFileSync(file, texts[index] ?? "");
      answers[index] = await envoyAccepts(file);
    }
  };
  await Promise.all([ask(), ask()]);
  return answers;
}

function same(text: string, envoyDoes: boolean): void {
  const difference = weAccept(text) === envoyDoes ? "none" : `Envoy accepts: ${envoyDoes}`;
  assert.equal(difference, "none");
}

describe("reading a bootstrap as Envoy does", { skip: envoy.skip }, () => {
  const groups = [
    { how: "alike", cases: SAME, expect: null },
    { how: "stricter", cases: STRICTER, expect: true },
    { how: "wider", cases: WIDER, expect: false },
  ];
  for (const { how, cases, expect } of groups) {
    describe(how, async () => {
      const answers = envoy.skip === false ? await envoyAnswers(cases.map(([, text]) => text)) : [];
      cases.forEach(([what, text], index) => {
        it(what, () => {
          const envoyDoes = answers[index] === true;
          if (expect === null) same(text, envoyDoes);
          else assert.deepEqual([weAccept(text), envoyDoes], [!expect, expect]);
        });
      });
    });
  }

  it("Envoy accepts the bytes that we write", async () => {
    const text = manager("stream_idle_timeout: 1.5s\nserver_name: s\nxff_num_trusted_hops: 300");
    const input = { file: "bootstrap.yaml", text };
    const { message } = messages.decodeText(BOOTSTRAP, input, { unknownFields: "error" });
    const binary = join(folder, "bootstrap.pb");
    writeFileSync(binary, messages.encodeBinary(BOOTSTRAP, message));
    assert.ok(await envoyAccepts(binary));
  });

  it("a config_dump of Envoy goes through our messages unchanged", async () => {
    const [adminPort] = (await freePorts(1)) as [number];
    const file = join(folder, "running.yaml");
    const admin = `admin: {address: {socket_address: {address: 127.0.0.1, port_value: ${adminPort}}}}\n`;
    writeFileSync(file, admin + RUNNING);
    const base = ["--use-dynamic-base-id", "--concurrency", "1"];
    const proxy = await ProxyProcess.start(envoyCommand(envoy.path), file, adminPort, base);
    const { body } = await proxy.admin("/config_dump");
    await proxy.stop();
    const type = "envoy.admin.v3.ConfigDump";
    const input = { file: "dump.json", text: body };
    const decoded = messages.decodeText(type, input, { unknownFields: "error", skipRules: true });
    assert.deepEqual(decoded.diagnostics, []);
    const written = JSON.stringify(messages.toJson(type, decoded.message), null, 1);
    assert.equal(written, JSON.stringify(JSON.parse(body), null, 1));
    const bytes = messages.encodeBinary(type, decoded.message);
    assert.deepEqual(messages.decodeBinary(type, bytes).message, decoded.message);
  });
});
