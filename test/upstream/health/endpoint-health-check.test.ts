import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import type { SocketAddress } from "../../../src/platform/sockets.ts";
import type { Endpoint_HealthCheckConfig } from "../../../src/proto/generated/envoy/config/endpoint/v3.ts";
import {
  compileEndpointHealthCheck,
  describeHealthCheck,
} from "../../../src/upstream/health/endpoint-health-check.ts";

const HOST: SocketAddress = { ip: "192.0.2.1", port: 80 };
const OTHER = { socketAddress: { address: "192.0.2.9", portValue: 81 } };

function resolved(message: Endpoint_HealthCheckConfig): unknown {
  const check = compileEndpointHealthCheck(message, HOST, new CompileContext());
  return describeHealthCheck(check, HOST);
}

describe("health_check_config of an endpoint", () => {
  const plain = { hostname: "", disabled: false };
  const cases: readonly (readonly [Endpoint_HealthCheckConfig, unknown])[] = [
    [{}, null],
    [{ portValue: 90 }, { ...plain, address: { ip: "192.0.2.1", port: 90 } }],
    [{ address: OTHER }, { ...plain, address: { ip: "192.0.2.9", port: 81 } }],
    [
      { address: OTHER, portValue: 90 },
      { ...plain, address: { ip: "192.0.2.9", port: 90 } },
    ],
    [{ hostname: "h" }, { ...plain, hostname: "h", address: HOST }],
    [{ disableActiveHealthCheck: true }, { ...plain, disabled: true, address: HOST }],
  ];
  for (const [message, expected] of cases) {
    it(`reads ${JSON.stringify(message)}`, () => {
      assert.deepEqual(resolved(message), expected);
    });
  }

  it("refuses a port for a pipe", () => {
    const context = new CompileContext("endpoint");
    compileEndpointHealthCheck({ portValue: 1 }, { ip: "", port: 0, path: "/s" }, context);
    assert.deepEqual(
      context.diagnostics.map((one) => one.path),
      ["endpoint.health_check_config.port_value"],
    );
  });
});
