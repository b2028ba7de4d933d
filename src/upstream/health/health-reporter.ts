/**
 * A host of a data plane that does not check it: what the host says of itself goes through shared
 * memory to the one that does, and takes effect at once everywhere.
 */
import { HostWord } from "../health-slots.ts";
import { type HealthCheckMonitor, HealthFlag } from "../host.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import { CheckState } from "./check-state.ts";

export class HealthReporter implements HealthCheckMonitor {
  private readonly host: UpstreamHost;

  constructor(host: UpstreamHost) {
    this.host = host;
  }

  onImmediateHealthCheckFail(): void {
    const { ExcludedByImmediateHealthCheckFail, FailedActiveHealthCheck } = HealthFlag;
    this.host.health?.store(HostWord.CheckState, CheckState.Reported);
    this.host.setHealthFlag(ExcludedByImmediateHealthCheckFail | FailedActiveHealthCheck);
  }
}
