/**
 * Active health checks as a cluster of one data plane sees them: new hosts begin as failed, the
 * leader checks them, all learn the results through shared memory; healthy hosts outlive their
 * removal. Envoy: the health-check parts of `ClusterImplBase` and `BaseDynamicClusterImpl`
 * (source/common/upstream/upstream_impl.cc).
 */

import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { ClusterInfo } from "../cluster.ts";
import type { ClusterConfig } from "../cluster-config.ts";
import { ClusterWord, type HealthSlot, HostWord } from "../health-slots.ts";
import { HealthFlag, type HostDescription, healthCheckKey } from "../host.ts";
import type { Membership } from "../host-set.ts";
import type { UpstreamHost } from "../upstream-host.ts";
import type { UpstreamServices } from "../upstream-services.ts";
import { CheckState } from "./check-state.ts";
import type { HealthCheckConfig } from "./health-check-config.ts";
import { HealthChecker } from "./health-checker.ts";
import { HealthReporter } from "./health-reporter.ts";

/** How often a data plane that does not check looks whether the first round is over, in ms. */
const LOOK_MS = 10;

const CHECK_FLAGS =
  HealthFlag.FailedActiveHealthCheck |
  HealthFlag.DegradedActiveHealthCheck |
  HealthFlag.PendingActiveHealthCheck |
  HealthFlag.ActiveHealthCheckTimeout |
  HealthFlag.ExcludedByImmediateHealthCheckFail;
const FAILED = HealthFlag.FailedActiveHealthCheck | HealthFlag.FailedEdsHealth;

export interface ClusterChecksParts {
  readonly config: HealthCheckConfig;
  readonly cluster: ClusterInfo;
  /** `cluster.<name>`. */
  readonly scope: StatsScope;
  readonly services: UpstreamServices;
  /** The cluster's own words. */
  readonly slot: HealthSlot;
  /** Members come and go. */
  readonly hostsVary: boolean;
}

/** Null when the cluster's hosts are not checked. `slot` holds the cluster's own words. */
export function createClusterChecks(
  { healthCheck, discovery }: ClusterConfig,
  services: UpstreamServices,
  parts: Pick<ClusterChecksParts, "scope"> & { info: ClusterInfo; slot: HealthSlot | null },
): ClusterChecks | null {
  const { info, scope, slot } = parts;
  if (healthCheck === null || slot === null) return null;
  const { hostsVary } = discovery;
  return new ClusterChecks({
    config: healthCheck,
    cluster: info,
    scope,
    services,
    slot,
    hostsVary,
  });
}

export class ClusterChecks implements TimerOwner {
  private readonly parts: ClusterChecksParts;
  /** Null on a data plane that does not check. */
  private readonly checker: HealthChecker | null;
  private timer: Timer | null = null;
  /** Hosts of the first round that have no result yet, and who waits for them. */
  private readonly awaited = new Set<UpstreamHost>();
  private onChecked: (() => void) | null = null;
  private used = false;

  constructor(parts: ClusterChecksParts) {
    const { config, cluster, scope, services } = parts;
    this.parts = parts;
    this.checker = services.leader
      ? new HealthChecker({
          config,
          cluster,
          scope,
          services,
          usedBefore: () => this.usedBefore(),
          onHostChecked: (host) => this.hostChecked(host),
        })
      : null;
  }

  /**
   * A new host gets no traffic until it was checked; one that only moved to another locality keeps
   * what is known of it. Call before the host is in any host set.
   */
  admit(host: UpstreamHost, previous: UpstreamHost | undefined): void {
    const slot = host.health;
    if (slot === null || isUnchecked(host.description)) return;
    if (!slot.exchange(HostWord.CheckState, CheckState.Unknown, CheckState.Admitted)) return;
    slot.store(HostWord.CheckSuccesses, 0);
    slot.store(HostWord.CheckFailures, 0);
    const flags =
      previous !== undefined && sameCheck(previous.description, host.description)
        ? previous.healthFlags() & CHECK_FLAGS
        : this.firstFlags;
    host.clearHealthFlag(CHECK_FLAGS & ~flags);
    if (flags !== 0) host.setHealthFlag(flags);
  }

  /** The hosts are members now: checks begin. */
  start(hosts: readonly UpstreamHost[]): void {
    for (const host of hosts) {
      if (isUnchecked(host.description)) continue;
      if (this.checker !== null) this.checker.add(host);
      else host.healthMonitor = new HealthReporter(host);
    }
  }

  /** The hosts are no members any more. */
  stop(hosts: Iterable<UpstreamHost>): void {
    for (const host of hosts) {
      // Should it come back while requests still hold it, it is a new host.
      if (this.checker?.remove(host) === true) {
        host.health?.store(HostWord.CheckState, CheckState.Unknown);
      }
      host.healthMonitor = null;
      this.hostChecked(host);
    }
  }

  /**
   * The members that are to be: those that discovery names, and the healthy ones that it names no
   * more, until they fail. Marks the latter.
   */
  retain(discovered: Membership, current: ReadonlyMap<string, UpstreamHost>): Membership {
    if (this.parts.config.ignoresHealthOnRemoval || current.size === 0) return discovered;
    const named = new Set<string>();
    for (const { identity } of discovered.hosts) named.add(identity);
    const kept: HostDescription[] = [];
    for (const host of current.values()) {
      const { description } = host;
      const removed = !named.has(description.identity);
      const stays = removed && !isUnchecked(description) && (host.healthFlags() & FAILED) === 0;
      host.pendingRemoval = stays;
      if (stays) kept.push(description);
    }
    return kept.length === 0
      ? discovered
      : { ...discovered, hosts: [...discovered.hosts, ...kept] };
  }

  /** Calls back, perhaps at once, when each of the hosts was checked or is gone. */
  whenChecked(hosts: Iterable<UpstreamHost>, callback: () => void): void {
    this.onChecked = callback;
    for (const host of hosts) if (this.waitsFor(host)) this.awaited.add(host);
    this.endRound();
    if (this.onChecked === null || this.checker !== null) return;
    this.timer = this.parts.services.dispatcher.create(this, 0);
    this.timer.arm(LOOK_MS);
  }

  /** Takes over what another data plane may have been told by the host. */
  takeReport(host: UpstreamHost): void {
    this.checker?.takeReport(host);
  }

  close(): void {
    this.onChecked = null;
    this.timer?.close();
    this.checker?.close();
  }

  onTimer(): void {
    for (const host of this.awaited) if (!this.waitsFor(host)) this.awaited.delete(host);
    this.endRound();
    if (this.onChecked !== null) this.timer?.arm(LOOK_MS);
  }

  private get firstFlags(): number {
    const { hostsVary, config } = this.parts;
    const { FailedActiveHealthCheck, PendingActiveHealthCheck } = HealthFlag;
    return hostsVary && config.ignoresNewHosts
      ? FailedActiveHealthCheck | PendingActiveHealthCheck
      : FailedActiveHealthCheck;
  }

  private hostChecked(host: UpstreamHost): void {
    if (this.awaited.delete(host)) this.endRound();
  }

  private endRound(): void {
    const callback = this.onChecked;
    if (this.awaited.size > 0 || callback === null) return;
    this.onChecked = null;
    callback();
  }

  private waitsFor({ health, description }: UpstreamHost): boolean {
    if (health === null || !health.held || isUnchecked(description)) return false;
    return health.load(HostWord.CheckState) < CheckState.Checked;
  }

  private usedBefore(): boolean {
    this.used ||=
      this.parts.slot.load(ClusterWord.Used) !== 0 ||
      this.parts.cluster.stats.upstreamCxTotal.value() > 0;
    return this.used;
  }
}

/** Both are checked in the same place. */
function sameCheck(a: HostDescription, b: HostDescription): boolean {
  return healthCheckKey(a.healthCheck) === healthCheckKey(b.healthCheck) && !isUnchecked(a);
}

function isUnchecked({ healthCheck }: HostDescription): boolean {
  return healthCheck?.disabled === true;
}
