/**
 * The active health checks of one cluster: a session per host, on the one data plane that checks
 * for all. Envoy: `HealthCheckerImplBase`.
 */

import { createHealthCheckStats } from "../../stats/groups/health-check-stats.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { ClusterInfo } from "../cluster.ts";
import type { HostDescription } from "../host.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import type { UpstreamServices } from "../upstream-services.ts";
import type { HealthCheckConfig } from "./health-check-config.ts";
import { baseInterval, type HealthTransition, withJitter } from "./health-check-interval.ts";
import { HealthCheckSession, type HealthCheckSessionOwner } from "./health-check-session.ts";
import type { HealthEventDetail, HealthEventSink } from "./health-events.ts";
import type { HealthProbeServices } from "./health-probe.ts";

export interface HealthCheckerParts {
  readonly config: HealthCheckConfig;
  readonly cluster: ClusterInfo;
  /** `cluster.<name>`. */
  readonly scope: StatsScope;
  readonly services: UpstreamServices;
  /** Whether any data plane ever connected to the cluster. */
  readonly usedBefore: () => boolean;
  readonly onHostChecked: (host: UpstreamHost, transition: HealthTransition) => void;
}

export class HealthChecker implements HealthCheckSessionOwner {
  readonly config: HealthCheckConfig;
  readonly cluster: ClusterInfo;
  readonly probeServices: HealthProbeServices;
  private readonly services: UpstreamServices;
  private readonly parts: HealthCheckerParts;
  private readonly sinks: readonly HealthEventSink[];
  private readonly sessions = new Map<UpstreamHost, HealthCheckSession>();

  constructor(parts: HealthCheckerParts) {
    this.parts = parts;
    this.config = parts.config;
    this.cluster = parts.cluster;
    this.services = parts.services;
    this.sinks = parts.config.sinks.map((sink) => sink.open());
    this.probeServices = {
      ...parts.services,
      stats: createHealthCheckStats(parts.scope.scope("health_check")),
      reuseConnection: parts.config.reuseConnection,
    };
  }

  /** Hosts under check. */
  get size(): number {
    return this.sessions.size;
  }

  add(host: UpstreamHost): void {
    const slot = host.health;
    if (slot === null || host.description.healthCheck?.disabled === true) return;
    const session = new HealthCheckSession(this, host, slot);
    this.sessions.set(host, session);
    host.healthMonitor = session;
    session.start();
  }

  /** False when the host was not checked. */
  remove(host: UpstreamHost): boolean {
    const session = this.sessions.get(host);
    if (session === undefined) return false;
    this.sessions.delete(host);
    host.healthMonitor = null;
    session.close();
    return true;
  }

  /** Takes over what another data plane was told by the host. */
  takeReport(host: UpstreamHost): void {
    this.sessions.get(host)?.takeReport();
  }

  close(): void {
    for (const host of [...this.sessions.keys()]) this.remove(host);
  }

  nextDelayMs(success: boolean, transition: HealthTransition): number {
    const { intervals } = this.config;
    const baseMs = baseInterval(intervals, success, transition, this.parts.usedBefore());
    return this.jittered(baseMs, intervals.jitterMs);
  }

  initialDelayMs(): number {
    const { initialJitterMs } = this.config.intervals;
    return initialJitterMs === 0 ? 0 : this.jittered(0, initialJitterMs);
  }

  log(host: HostDescription, detail: HealthEventDetail): void {
    if (this.sinks.length === 0) return;
    const event = {
      checker: this.config.probe.kind,
      host,
      clusterName: this.cluster.name,
      wallMs: this.services.dispatcher.wallMs(),
      detail,
    };
    for (const sink of this.sinks) sink.log(event);
  }

  onHostChecked(host: UpstreamHost, transition: HealthTransition): void {
    this.parts.onHostChecked(host, transition);
  }

  private jittered(baseMs: number, jitterMs: number): number {
    const { runtime, dispatcher } = this.services;
    const { jitterPercent } = this.config.intervals;
    return withJitter(baseMs, jitterMs, jitterPercent, dispatcher.random, runtime);
  }
}
