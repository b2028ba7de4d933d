/**
 * `health_check_config` of an endpoint: where and under which name it is checked. Envoy:
 * `resolveHealthCheckAddress` (source/common/upstream/upstream_impl.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { SocketAddress } from "../../platform/sockets.ts";
import type { Endpoint_HealthCheckConfig } from "../../proto/generated/envoy/config/endpoint/v3.ts";
import type { HostHealthCheck } from "../host.ts";
import { compileTargetAddress } from "../upstream-address.ts";

export interface EndpointHealthCheck {
  /** Null: the address of the host itself. */
  readonly address: SocketAddress | null;
  /** 0: the port of the address. */
  readonly port: number;
  readonly hostname: string;
  readonly disabled: boolean;
}

/** Null when the endpoint is checked like any other. `context` stands at the endpoint. */
export function compileEndpointHealthCheck(
  message: Endpoint_HealthCheckConfig | undefined,
  address: SocketAddress,
  context: CompileContext,
): EndpointHealthCheck | null {
  if (message === undefined) return null;
  const at = context.at("health_check_config");
  const { portValue: port = 0, hostname = "" } = message;
  const own =
    message.address === undefined
      ? null
      : compileTargetAddress(message.address, false, at.at("address"));
  if (port !== 0 && (own ?? address).path !== undefined) {
    at.at("port_value").error(
      "Invalid host configuration: non-zero port for non-IP address",
      "remove port_value: a pipe has no port",
    );
  }
  const disabled = message.disableActiveHealthCheck === true;
  const plain = own === null && port === 0 && hostname === "" && !disabled;
  return plain ? null : Object.freeze({ address: own, port, hostname, disabled });
}

/** For a host at a resolved address. */
export function describeHealthCheck(
  check: EndpointHealthCheck | null,
  hostAddress: SocketAddress,
): HostHealthCheck | null {
  if (check === null) return null;
  const base = check.address ?? hostAddress;
  const address = check.port === 0 ? base : { ...base, port: check.port };
  return Object.freeze({ address, hostname: check.hostname, disabled: check.disabled });
}
