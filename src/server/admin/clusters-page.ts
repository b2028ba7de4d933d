/**
 * /clusters: hosts, their health and their numbers over all data planes. Envoy:
 * `Server::ClustersHandler`.
 */
import { formatSocketAddress } from "../../platform/sockets.ts";
import type { HostStatus } from "../../upstream/cluster-manager.ts";
import { HealthFlag } from "../../upstream/host.ts";
import type { HostTotals } from "../../upstream/host-slots.ts";
import type { OutlierRates } from "../../upstream/outlier/outlier-detector.ts";
import type { Thresholds } from "../../upstream/resource-limits.ts";
import type { ClusterFacts } from "../plane-facts.ts";
import { addressJson } from "./address-json.ts";
import { type AdminEndpoint, json, text } from "./endpoint.ts";
import { StreamedList, streamJson } from "./json-stream.ts";

export const clusters: AdminEndpoint = {
  path: "/clusters",
  help: "upstream cluster status",
  mutates: false,
  parameters: [
    { name: "format", help: "File format to use", kind: "choice", choices: ["text", "json"] },
  ],
  handle: async ({ query }, { server }) => {
    const all = (await server.planes?.clusters()) ?? [];
    if (query.get("format") !== "json") return text(clusterTexts(all));
    return json(streamJson({ cluster_statuses: new StreamedList(clusterJsons(all)) }));
  },
};

function* clusterTexts(all: Iterable<ClusterFacts>): Generator<string> {
  for (const status of all) {
    yield clusterText(status);
    let piece = "";
    for (const one of status.hosts) {
      piece += hostText(status.config.name, one);
      if (piece.length < 16_384) continue;
      yield piece;
      piece = "";
    }
    yield piece;
  }
}

function clusterText({ config, source, outlierRates }: ClusterFacts): string {
  const { name, observabilityName, thresholds, discovery } = config;
  const lines = [
    `observability_name::${observabilityName}`,
    ...outlierLines(outlierRates),
    ...thresholdLines("default", thresholds[0]),
    ...thresholdLines("high", thresholds[1]),
    `added_via_api::${source === "dynamic"}`,
  ];
  const service = discovery.serviceName ?? "";
  if (service !== "") lines.push(`eds_service_name::${service}`);
  return lines.map((line) => `${name}::${line}\n`).join("");
}

function outlierLines(rates: OutlierRates | null): string[] {
  if (rates === null) return [];
  return [
    `outlier::success_rate_average::${rates.average}`,
    `outlier::success_rate_ejection_threshold::${rates.threshold}`,
    `outlier::local_origin_success_rate_average::${rates.localAverage}`,
    `outlier::local_origin_success_rate_ejection_threshold::${rates.localThreshold}`,
  ];
}

function thresholdLines(priority: string, thresholds: Thresholds): string[] {
  const limits = thresholdsJson(thresholds);
  return Object.entries(limits).map(([name, max]) => `${priority}_priority::${name}::${max}`);
}

function thresholdsJson(thresholds: Thresholds): Record<string, number> {
  return {
    max_connections: thresholds.maxConnections,
    max_pending_requests: thresholds.maxPendingRequests,
    max_requests: thresholds.maxRequests,
    max_retries: thresholds.maxRetries,
  };
}

const NO_TOTALS: HostTotals = {
  cxActive: 0,
  cxConnectFail: 0,
  cxTotal: 0,
  rqActive: 0,
  rqError: 0,
  rqSuccess: 0,
  rqTimeout: 0,
  rqTotal: 0,
};

/** Ours to Envoy's names, in Envoy's order. */
const COUNTERS: readonly (readonly [string, keyof HostTotals])[] = [
  ["cx_connect_fail", "cxConnectFail"],
  ["cx_total", "cxTotal"],
  ["rq_error", "rqError"],
  ["rq_success", "rqSuccess"],
  ["rq_timeout", "rqTimeout"],
  ["rq_total", "rqTotal"],
];
const GAUGES: readonly (readonly [string, keyof HostTotals])[] = [
  ["cx_active", "cxActive"],
  ["rq_active", "rqActive"],
];
const SORTED = [...COUNTERS, ...GAUGES].sort(([a], [b]) => (a < b ? -1 : 1));

function hostText(cluster: string, host: HostStatus): string {
  const { description, flags, totals } = host;
  const { locality } = description;
  const values: readonly (readonly [string, string | number | boolean])[] = [
    ...SORTED.map(([name, key]) => [name, (totals ?? NO_TOTALS)[key]] as const),
    ["hostname", description.hostname],
    ["health_flags", healthText(flags)],
    ["weight", description.weight],
    ["region", locality.region],
    ["zone", locality.zone],
    ["sub_zone", locality.subZone],
    ["canary", description.canary],
    ["priority", description.priority],
    ["success_rate", host.successRate],
    ["local_origin_success_rate", host.localOriginSuccessRate],
  ];
  const prefix = `${cluster}::${formatSocketAddress(description.address)}::`;
  return values.map(([name, value]) => `${prefix}${name}::${value}\n`).join("");
}

const FLAG_TEXTS: readonly (readonly [flag: number, text: string])[] = [
  [HealthFlag.FailedActiveHealthCheck, "/failed_active_hc"],
  [HealthFlag.FailedOutlierCheck, "/failed_outlier_check"],
  [HealthFlag.FailedEdsHealth, "/failed_eds_health"],
  [HealthFlag.DegradedActiveHealthCheck, "/degraded_active_hc"],
  [HealthFlag.DegradedEdsHealth, "/degraded_eds_health"],
  [HealthFlag.PendingDynamicRemoval, "/pending_dynamic_removal"],
  [HealthFlag.PendingActiveHealthCheck, "/pending_active_hc"],
  [HealthFlag.ExcludedByImmediateHealthCheckFail, "/excluded_via_immediate_hc_fail"],
  [HealthFlag.ActiveHealthCheckTimeout, "/active_hc_timeout"],
  [HealthFlag.EdsStatusDraining, "/eds_status_draining"],
];

function healthText(flags: number): string {
  if (flags === 0) return "healthy";
  return FLAG_TEXTS.filter(([flag]) => (flags & flag) !== 0)
    .map(([, name]) => name)
    .join("");
}

function* clusterJsons(all: Iterable<ClusterFacts>): Generator<unknown> {
  for (const { config, source, hosts, outlierRates: rates } of all) {
    const service = config.discovery.serviceName ?? "";
    yield {
      name: config.name,
      ...(source === "dynamic" ? { added_via_api: true } : {}),
      ...percentJson("success_rate_ejection_threshold", rates?.threshold ?? -1),
      host_statuses: new StreamedList(hostJsons(hosts)),
      ...percentJson("local_origin_success_rate_ejection_threshold", rates?.localThreshold ?? -1),
      circuit_breakers: {
        thresholds: [
          thresholdsJson(config.thresholds[0]),
          { priority: "HIGH", ...thresholdsJson(config.thresholds[1]) },
        ],
      },
      observability_name: config.observabilityName,
      ...(service === "" ? {} : { eds_service_name: service }),
    };
  }
}

function* hostJsons(hosts: readonly HostStatus[]): Generator<unknown> {
  for (const { description, flags, totals, ...rates } of hosts) {
    const { hostname, priority, weight, locality } = description;
    yield {
      address: addressJson(description.address),
      stats: statsJson(totals ?? NO_TOTALS),
      health_status: healthJson(flags),
      ...percentJson("success_rate", rates.successRate),
      weight,
      ...(hostname === "" ? {} : { hostname }),
      ...(priority === 0 ? {} : { priority }),
      ...percentJson("local_origin_success_rate", rates.localOriginSuccessRate),
      locality: withoutEmpty({
        region: locality.region,
        zone: locality.zone,
        sub_zone: locality.subZone,
      }),
    };
  }
}

/** As proto JSON: zeros are left out, 64-bit numbers are text. */
function statsJson(totals: HostTotals): unknown[] {
  const value = (key: keyof HostTotals) => (totals[key] === 0 ? {} : { value: `${totals[key]}` });
  return [
    ...COUNTERS.map(([name, key]) => ({ name, ...value(key) })),
    ...GAUGES.map(([name, key]) => ({ type: "GAUGE", name, ...value(key) })),
  ];
}

/** A `Percent`; nothing when it is not known. */
function percentJson(field: string, percent: number): Record<string, unknown> {
  if (percent < 0) return {};
  return { [field]: percent === 0 ? {} : { value: percent } };
}

const FLAG_FIELDS: readonly (readonly [flag: number, field: string])[] = [
  [HealthFlag.FailedActiveHealthCheck, "failed_active_health_check"],
  [HealthFlag.FailedOutlierCheck, "failed_outlier_check"],
  [HealthFlag.DegradedActiveHealthCheck, "failed_active_degraded_check"],
  [HealthFlag.PendingDynamicRemoval, "pending_dynamic_removal"],
  [HealthFlag.PendingActiveHealthCheck, "pending_active_hc"],
  [HealthFlag.ExcludedByImmediateHealthCheckFail, "excluded_via_immediate_hc_fail"],
  [HealthFlag.ActiveHealthCheckTimeout, "active_hc_timeout"],
];

function healthJson(flags: number): Record<string, unknown> {
  const health: Record<string, unknown> = {};
  for (const [flag, field] of FLAG_FIELDS) if ((flags & flag) !== 0) health[field] = true;
  health["eds_health_status"] = edsHealth(flags);
  return health;
}

function edsHealth(flags: number): string {
  if ((flags & HealthFlag.FailedEdsHealth) !== 0) return "UNHEALTHY";
  if ((flags & HealthFlag.DegradedEdsHealth) !== 0) return "DEGRADED";
  return (flags & HealthFlag.EdsStatusDraining) === 0 ? "HEALTHY" : "DRAINING";
}

export function withoutEmpty(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ""));
}
