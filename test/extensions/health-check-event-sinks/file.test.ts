import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { fileEventSink } from "../../../src/extensions/health-check-event-sinks/file/file.ts";
import type { LogFile } from "../../../src/platform/files.ts";
import type { HealthEvent, HealthEventDetail } from "../../../src/upstream/health/health-events.ts";
import type { HostDescription } from "../../../src/upstream/host.ts";

const HOST: HostDescription = {
  address: { ip: "192.0.2.7", port: 80 },
  additionalAddresses: [],
  addressText: "192.0.2.7:80",
  identity: "192.0.2.7:80",
  hostname: "",
  locality: { region: "r", zone: "z", subZone: "" },
  metadata: null,
  weight: 1,
  priority: 0,
  health: "UNKNOWN",
  healthCheck: null,
  canary: false,
};
const START =
  '{"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"192.0.2.7",' +
  '"port_value":80,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},' +
  '"cluster_name":"web",';
const TIME = '"timestamp":"2026-11-20T10:22:42.571Z"';
const END = '"locality":{"region":"r","zone":"z","sub_zone":""}';

class TextFile implements LogFile {
  text = "";
  readonly droppedBytes = 0;

  append(text: string): void {
    this.text += text;
  }

  flush(done: () => void): void {
    done();
  }

  reopen(): void {
    // Nothing to open.
  }
}

function event(detail: HealthEventDetail, more: Partial<HealthEvent> = {}): HealthEvent {
  const wallMs = Date.UTC(2026, 10, 20, 10, 22, 42, 571) + 0.4;
  return { checker: "HTTP", host: HOST, clusterName: "web", wallMs, detail, ...more };
}

function written(one: HealthEvent): string {
  const file = new TextFile();
  const factory = fileEventSink({ files: { open: () => file }, appendProblem: () => null });
  const config = factory.compile({ eventLogPath: "/log" }, new CompileContext());
  config?.open().log(one);
  return file.text;
}

describe("the file sink of health-check events", () => {
  /** As Envoy 1.37 writes them: fields in the order of their numbers. */
  const cases: readonly (readonly [HealthEventDetail, before: string, after: string])[] = [
    [
      { kind: "eject_unhealthy", failure: "NETWORK_TIMEOUT" },
      '"eject_unhealthy_event":{"failure_type":"NETWORK_TIMEOUT"},',
      "",
    ],
    [{ kind: "add_healthy", firstCheck: true }, '"add_healthy_event":{"first_check":true},', ""],
    [
      { kind: "failure", failure: "ACTIVE", firstCheck: false },
      "",
      '"health_check_failure_event":{"failure_type":"ACTIVE","first_check":false},',
    ],
    [{ kind: "degraded" }, "", '"degraded_healthy_host":{},'],
    [{ kind: "no_longer_degraded" }, "", '"no_longer_degraded_host":{},'],
  ];
  for (const [detail, before, after] of cases) {
    it(`writes ${detail.kind} as a line`, () => {
      assert.equal(written(event(detail)), `${START}${before}${TIME},${after}${END}}\n`);
    });
  }

  it("writes success at the end", () => {
    const line = `${START}${TIME},${END},"successful_health_check_event":{}}\n`;
    assert.equal(written(event({ kind: "success" })), line);
  });

  it("writes metadata of the host, a pipe, and a whole second", () => {
    const host = {
      ...HOST,
      address: { ip: "", port: 0, path: "/run/é" },
      metadata: { "envoy.lb": { a: 1 } },
    };
    const line = written(event({ kind: "degraded" }, { host, wallMs: 0, checker: "TCP" }));
    assert.equal(
      Buffer.from(line, "latin1").toString("utf8"),
      '{"health_checker_type":"TCP","host":{"pipe":{"path":"/run/é","mode":0}},"cluster_name":"web",' +
        '"timestamp":"1970-01-01T00:00:00Z","degraded_healthy_host":{},' +
        `"metadata":{"filter_metadata":{"envoy.lb":{"a":1}},"typed_filter_metadata":{}},${END}}\n`,
    );
  });

  it("refuses a file that cannot be written, by path or by sink", () => {
    const factory = fileEventSink({
      files: { open: () => assert.fail("opened") },
      appendProblem: () => "EACCES",
    });
    const context = new CompileContext("c");
    assert.equal(factory.compile({ eventLogPath: "/x" }, context), null);
    assert.equal(factory.compilePath?.("/x", context), null);
    assert.deepEqual(
      context.diagnostics.map(({ path, message }) => [path, message]),
      [
        ["c.event_log_path", "Log file /x cannot be written: EACCES"],
        ["c", "Log file /x cannot be written: EACCES"],
      ],
    );
  });
});
