/**
 * One event of a health check as a line of JSON: `envoy.data.core.v3.HealthCheckEvent` in the order
 * of its fields, with empty ones written out, as Envoy does.
 */
import { toByteString } from "../../../base/byte-string.ts";
import type { SocketAddress } from "../../../platform/sockets.ts";
import type { HealthEvent, HealthEventDetail } from "../../../upstream/health/health-events.ts";

/** Latin1 text with a newline at its end. */
export function healthEventJson(event: HealthEvent): string {
  const { host, detail } = event;
  const { region, zone, subZone } = host.locality;
  return toByteString(
    `${JSON.stringify({
      health_checker_type: event.checker,
      host: addressJson(host.address),
      cluster_name: event.clusterName,
      ...changeJson(detail),
      timestamp: timestamp(event.wallMs),
      ...resultJson(detail),
      ...(host.metadata === null
        ? {}
        : { metadata: { filter_metadata: host.metadata, typed_filter_metadata: {} } }),
      locality: { region, zone, sub_zone: subZone },
      ...(detail.kind === "success" ? { successful_health_check_event: {} } : {}),
    })}\n`,
  );
}

/** The events whose fields come before the time. */
function changeJson(detail: HealthEventDetail): object {
  if (detail.kind === "eject_unhealthy") {
    return { eject_unhealthy_event: { failure_type: detail.failure } };
  }
  if (detail.kind === "add_healthy") {
    return { add_healthy_event: { first_check: detail.firstCheck } };
  }
  return {};
}

/** The events whose fields come after it. */
function resultJson(detail: HealthEventDetail): object {
  if (detail.kind === "failure") {
    const { failure, firstCheck } = detail;
    return { health_check_failure_event: { failure_type: failure, first_check: firstCheck } };
  }
  if (detail.kind === "degraded") return { degraded_healthy_host: {} };
  if (detail.kind === "no_longer_degraded") return { no_longer_degraded_host: {} };
  return {};
}

function addressJson({ ip, port, path }: SocketAddress): object {
  if (path !== undefined) return { pipe: { path, mode: 0 } };
  return {
    socket_address: {
      protocol: "TCP",
      address: ip,
      port_value: port,
      resolver_name: "",
      ipv4_compat: false,
      network_namespace_filepath: "",
    },
  };
}

/** RFC 3339 as protobuf writes it: no fraction for a whole second. */
function timestamp(wallMs: number): string {
  return new Date(Math.floor(wallMs)).toISOString().replace(".000Z", "Z");
}
