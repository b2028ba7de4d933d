/**
 * Makes the outlier detection of a cluster at work. Envoy: `DetectorImplFactory::createForCluster`.
 */
import { createOutlierDetectionStats } from "../../stats/groups/outlier-detection-stats.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { ClusterConfig } from "../cluster-config.ts";
import type { HealthSlot } from "../health-slots.ts";
import type { UpstreamServices } from "../upstream-services.ts";
import { OutlierDetector } from "./outlier-detector.ts";
import { OutlierEventLog } from "./outlier-event-log.ts";

/** `cluster.<name>` of this data plane, and of the one that speaks for all. */
interface ClusterScopes {
  readonly own: StatsScope;
  readonly shared: StatsScope;
}

/** Null when the cluster has none. */
export function createOutlierDetector(
  config: ClusterConfig,
  services: UpstreamServices,
  cluster: HealthSlot | null,
  scopes: ClusterScopes,
): OutlierDetector | null {
  const { outlierDetection, name } = config;
  // Without a slot of its own the cluster would share its limits with strangers.
  if (outlierDetection === null || cluster === null || !cluster.held) return null;
  const { dispatcher, runtime, leader, slots, eventLogs, outlierEventLogPath: path } = services;
  return new OutlierDetector(outlierDetection, {
    dispatcher,
    runtime,
    leader,
    stats: createOutlierDetectionStats(
      scopes.own.scope("outlier_detection"),
      scopes.shared.scope("outlier_detection"),
    ),
    cluster,
    dataPlane: slots.health.dataPlane,
    log: path === "" ? null : new OutlierEventLog(eventLogs.open(path), dispatcher, name),
  });
}
