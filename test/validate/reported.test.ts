// Fields that are known and not obeyed in this release: accepted, and named at their place.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { CliFixture, FILE } from "../cli/cli-fixture.ts";
import { cluster, EXTENSIONS, listener, manager, readMark, routes } from "./broken-config.ts";

const ONE = "  clusters: [{ name: one, type: STATIC }]\n";
const ECHO_CHAIN = `filter_chains: [{ filters: [{ name: e, typed_config: { "@type": ${EXTENSIONS}.filters.network.echo.v3.Echo } }] }]`;

const REPORTED: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  [
    "HTTP/2 to a service",
    cluster(`type: STATIC
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": ${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { »http2_protocol_options: {} }`),
    /HTTP\/2|http2/,
  ],
  [
    "HTTP/2 to a service, the old way",
    cluster("type: STATIC\n»http2_protocol_options: {}"),
    /HTTP\/2|http2/,
  ],
  [
    "an alternative port of health checks",
    cluster(`type: STATIC
health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, »alt_port: 9, tcp_health_check: {} }]`),
    /port of the endpoint/,
  ],
  [
    "a retry condition that does not exist",
    routes(
      "- match: { prefix: / }\n  route: { cluster: one, retry_policy: { »retry_on: '5xx,conect-failure' } }",
    ) + ONE,
    /"conect-failure" is no retry condition/,
  ],
  [
    "tracing of copies",
    routes(
      "- match: { prefix: / }\n  route: { cluster: one, request_mirror_policies: [{ cluster: one, »trace_sampled: true }] }",
    ) + ONE,
    /tracing/,
  ],
  [
    "hedging by chance",
    routes(
      "- match: { prefix: / }\n  route: { cluster: one, hedge_policy: { »initial_requests: 2 } }",
    ) + ONE,
    /as in Envoy/,
  ],
  ["tracing", manager("»tracing: {}"), /[Tt]rac/],
  ["an HTTP/2 setting of a listener", manager("»http2_protocol_options: {}"), /HTTP\/2|http2/],
  [
    "socket options",
    listener(`»socket_options: [{ level: 6, name: 1, int_value: 1 }]\n${ECHO_CHAIN}`),
    /socket_options/,
  ],
  [
    "a profiler",
    "admin:\n  »profile_path: /p\n  address: { socket_address: { address: 127.0.0.1, port_value: 1 } }\n",
    /profile/,
  ],
  ["a watchdog", "»watchdog: {}\n", /watchdog/],
];

describe("what this release does not obey", () => {
  for (const [what, marked, message] of REPORTED) {
    it(`is accepted and named at its place: ${what}`, async () => {
      const { text, line, column } = readMark(marked);
      const cli = new CliFixture();
      cli.files.write(FILE, text);
      assert.equal(await cli.run("validate", "-c", FILE, "--format", "json"), 0, cli.stdout);
      const { diagnostics } = JSON.parse(cli.stdout) as { diagnostics: Diagnostic[] };
      assert.equal(diagnostics.length, 1, cli.stdout);
      assert.equal(diagnostics[0]!.severity, "warning");
      assert.match(diagnostics[0]!.message, message);
      assert.deepEqual(diagnostics[0]!.source, { file: FILE, line, column });
    });
  }
});
