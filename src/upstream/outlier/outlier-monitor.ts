// hot: per request
/**
 * Counts how the requests of one host end and tells the detector of failures in a row. Counters are
 * shared by all data planes: exactly one sees a row become long enough. Envoy:
 * `DetectorHostMonitorImpl` (source/common/upstream/outlier_detection_impl.cc).
 */
import type { HealthSlot } from "../health-slots.ts";
import { HostCell, HostWord } from "../health-slots.ts";
import { type HostMonitor, MonitorResult } from "../host.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import type { Detector, OutlierSettings } from "./outlier-config.ts";

/** Told when a host failed often enough in a row. */
export interface OutlierMonitorOwner {
  readonly settings: OutlierSettings;
  onFailuresInRow(monitor: OutlierMonitor, detector: Detector): void;
  onActiveHealthCheckSuccess(monitor: OutlierMonitor): void;
}

export class OutlierMonitor implements HostMonitor {
  readonly host: UpstreamHost;
  readonly slot: HealthSlot;
  /** No member of its cluster any more: what still comes in is not judged. */
  removed = false;
  private readonly owner: OutlierMonitorOwner;
  private readonly split: boolean;

  constructor(owner: OutlierMonitorOwner, host: UpstreamHost, slot: HealthSlot, split: boolean) {
    this.owner = owner;
    this.host = host;
    this.slot = slot;
    this.split = split;
  }

  onHttpStatus(status: number): void {
    if (this.removed) return;
    const { slot } = this;
    if (status < 500 || status > 599) {
      slot.count(HostCell.ExternalSuccess);
      slot.clear(HostWord.Consecutive5xx);
      slot.clear(HostWord.ConsecutiveGatewayFailure);
      return;
    }
    slot.count(HostCell.ExternalFailure);
    const { settings } = this.owner;
    if (status < 502 || status > 504) {
      slot.clear(HostWord.ConsecutiveGatewayFailure);
    } else if (
      slot.add(HostWord.ConsecutiveGatewayFailure, 1) === settings.consecutiveGatewayFailure
    ) {
      this.owner.onFailuresInRow(this, "CONSECUTIVE_GATEWAY_FAILURE");
    }
    if (slot.add(HostWord.Consecutive5xx, 1) === settings.consecutive5xx) {
      this.owner.onFailuresInRow(this, "CONSECUTIVE_5XX");
    }
  }

  onResult(result: MonitorResult, status: number): void {
    if (this.removed) return;
    if (this.split) this.onSplitResult(result);
    else if (status !== 0) this.onHttpStatus(status);
    else this.onWholeResult(result);
  }

  onActiveHealthCheckSuccess(): void {
    if (!this.removed) this.owner.onActiveHealthCheckSuccess(this);
  }

  /** Everything counts as an HTTP status. */
  private onWholeResult(result: MonitorResult): void {
    switch (result) {
      case MonitorResult.LocalOriginTimeout:
        this.onHttpStatus(504);
        break;
      case MonitorResult.LocalOriginConnectFailed:
        this.onHttpStatus(503);
        break;
      case MonitorResult.ExtOriginRequestFailed:
        this.onHttpStatus(500);
        break;
      case MonitorResult.LocalOriginConnectSuccess:
        // The protocol above tells what becomes of it.
        break;
      default:
        this.onHttpStatus(200);
    }
  }

  private onSplitResult(result: MonitorResult): void {
    const { slot } = this;
    switch (result) {
      case MonitorResult.ExtOriginRequestFailed:
        this.onHttpStatus(500);
        break;
      case MonitorResult.ExtOriginRequestSuccess:
        this.onHttpStatus(200);
        break;
      case MonitorResult.LocalOriginConnectSuccess:
      case MonitorResult.LocalOriginConnectSuccessFinal:
        slot.count(HostCell.LocalSuccess);
        slot.clear(HostWord.ConsecutiveLocalOriginFailure);
        break;
      default:
        this.onLocalFailure();
    }
  }

  private onLocalFailure(): void {
    const { slot, owner } = this;
    slot.count(HostCell.LocalFailure);
    const failures = slot.add(HostWord.ConsecutiveLocalOriginFailure, 1);
    if (failures === owner.settings.consecutiveLocalOriginFailure) {
      owner.onFailuresInRow(this, "CONSECUTIVE_LOCAL_ORIGIN_FAILURE");
    }
  }
}
