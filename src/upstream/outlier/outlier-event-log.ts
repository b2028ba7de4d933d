/**
 * Writes a JSON line for each ejection and each return of a host. Envoy: `EventLoggerImpl`
 * (source/common/upstream/outlier_detection_impl.cc), `OutlierDetectionEvent`
 * (api/envoy/data/cluster/v3/outlier_detection_event.proto).
 */
import type { LogFile } from "../../platform/files.ts";
import type { TimeSource } from "../../platform/time.ts";
import { eventTime } from "../event-logs.ts";
import { decodeTime, encodeRate, type HealthSlot, HostFact, HostWord } from "../health-slots.ts";
import { EXTERNAL_ORIGIN, LOCAL_ORIGIN, type Origin } from "./origin.ts";
import type { Detector } from "./outlier-config.ts";
import type { OutlierMonitor } from "./outlier-monitor.ts";

export class OutlierEventLog {
  private readonly file: LogFile;
  private readonly time: TimeSource;
  private readonly clusterName: string;

  constructor(file: LogFile, time: TimeSource, clusterName: string) {
    this.file = file;
    this.time = time;
    this.clusterName = clusterName;
  }

  /** `enforced` is false when the outlier was only noticed. */
  ejected(
    monitor: OutlierMonitor,
    detector: Detector,
    enforced: boolean,
    cluster: HealthSlot,
  ): void {
    const event = this.event(monitor, detector, "EJECT", HostFact.UnejectedAtMs);
    this.write({ ...event, enforced, ...detectorFacts(monitor, detector, cluster) });
  }

  unejected(monitor: OutlierMonitor): void {
    // The type is not set: the first value of its enumeration stands there.
    const event = this.event(monitor, "CONSECUTIVE_5XX", "UNEJECT", HostFact.EjectedAtMs);
    this.write({ ...event, enforced: false });
  }

  private event(
    { slot, host }: OutlierMonitor,
    type: Detector,
    action: "EJECT" | "UNEJECT",
    lastAction: number,
  ): Readonly<Record<string, unknown>> {
    const last = slot.fact(lastAction);
    const seconds = Math.floor((this.time.monotonicMs() - decodeTime(last)) / 1000);
    return {
      type,
      timestamp: eventTime(this.time.wallMs()),
      ...(last === 0 ? {} : { secs_since_last_action: String(seconds) }),
      cluster_name: this.clusterName,
      upstream_url: host.addressText,
      action,
      num_ejections: slot.load(HostWord.Ejections),
    };
  }

  private write(event: Readonly<Record<string, unknown>>): void {
    this.file.append(`${JSON.stringify(event)}\n`);
  }
}

function detectorFacts(
  { slot }: OutlierMonitor,
  detector: Detector,
  cluster: HealthSlot,
): Readonly<Record<string, unknown>> {
  const rateOf = (origin: Origin): number => encodeRate(slot.fact(origin.rateFact));
  for (const origin of [EXTERNAL_ORIGIN, LOCAL_ORIGIN]) {
    if (detector === origin.successRate) {
      return {
        eject_success_rate_event: {
          host_success_rate: rateOf(origin),
          cluster_average_success_rate: encodeRate(cluster.fact(origin.averageFact)),
          cluster_success_rate_ejection_threshold: encodeRate(cluster.fact(origin.thresholdFact)),
        },
      };
    }
    if (detector === origin.failurePercentage) {
      return { eject_failure_percentage_event: { host_success_rate: rateOf(origin) } };
    }
  }
  return { eject_consecutive_event: {} };
}
