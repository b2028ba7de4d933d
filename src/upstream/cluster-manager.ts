/**
 * The clusters of one data plane by name: added, replaced after warming, removed with draining;
 * made at first use unless they must discover their members. Envoy: `ClusterManagerImpl`
 * (source/common/upstream/cluster_manager_impl.cc).
 */
import {
  type ClusterManagerStats,
  createClusterManagerStats,
} from "../stats/groups/cluster-manager-stats.ts";
import type { Cluster, ClusterLookup, ClusterManager } from "./cluster.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import type { SiblingCluster } from "./discovery.ts";
import { encodeRate, HostFact } from "./health-slots.ts";
import { flagsOfHealthStatus, type HostDescription } from "./host.ts";
import { EMPTY_MEMBERSHIP, type HostSet } from "./host-set.ts";
import type { HostTotals } from "./host-slots.ts";
import { localityKey } from "./locality.ts";
import type { OutlierRates } from "./outlier/outlier-detector.ts";
import { RuntimeCluster, type RuntimeClusterListener } from "./runtime-cluster.ts";
import type { UpstreamHost } from "./upstream-host.ts";
import type { UpstreamServices } from "./upstream-services.ts";

/** `static` clusters come from the bootstrap and cannot be replaced by discovered ones. */
export type ClusterSource = "static" | "dynamic";

/** One host for the admin page. */
export interface HostStatus {
  readonly description: HostDescription;
  /** Bits of `HealthFlag`. */
  readonly flags: number;
  /** Null while nobody has used the cluster. */
  readonly totals: HostTotals | null;
  /** Percent in the last interval of outlier detection; −1 = not known. */
  readonly successRate: number;
  readonly localOriginSuccessRate: number;
}

/** One cluster for the admin page. */
export interface ClusterStatus {
  readonly config: ClusterConfig;
  readonly source: ClusterSource;
  readonly hosts: readonly HostStatus[];
  /** By `localityKey`; localities without a weight are absent. */
  readonly localityWeights: ReadonlyMap<string, number>;
  /** Percent. */
  readonly overprovisioningFactor: number;
  /** Null without outlier detection. */
  readonly outlierRates: OutlierRates | null;
  /** False while nobody has used it. */
  readonly started: boolean;
}

const UNKNOWN_RATES: OutlierRates = {
  average: -1,
  threshold: -1,
  localAverage: -1,
  localThreshold: -1,
};
const NONE: ClusterLookup = { kind: "none" };
const nothing = (): void => undefined;

/** A cluster's configuration and, once needed, the cluster itself. */
class Registration {
  readonly config: ClusterConfig;
  readonly source: ClusterSource;
  runtime: RuntimeCluster | null = null;
  /** An earlier cluster of this name left counters behind. */
  inherits = false;

  constructor(config: ClusterConfig, source: ClusterSource) {
    this.config = config;
    this.source = source;
  }
}

/** Everything known under one name. */
class Entry {
  active: Registration | null = null;
  /** Becomes active once its members are known. */
  warming: Registration | null = null;
  /** Answer for `active`, made once. */
  now: ClusterLookup | null = null;
  /** Those who wait for a cluster that is still warming. */
  readonly waiters: Set<(cluster: Cluster | null) => void> = new Set();
}

export class UpstreamClusterManager implements ClusterManager, RuntimeClusterListener {
  private readonly services: UpstreamServices;
  private readonly stats: ClusterManagerStats;
  /** Of the cluster that this proxy belongs to; "" without one. */
  private readonly localName: string;
  private readonly entries = new Map<string, Entry>();
  private readonly changeListeners: ((name: string) => void)[] = [];
  private readonly watches = new Map<string, Set<() => void>>();
  private idleListeners: (() => void)[] = [];
  private closing = 0;

  constructor(services: UpstreamServices) {
    this.localName = services.localNode?.clusterName ?? "";
    const localCluster = this.localName === "" ? null : { hosts: () => this.localHosts() };
    this.services = { ...services, localCluster };
    this.stats = createClusterManagerStats(services.configurationStats.scope("cluster_manager"));
  }

  lookup(name: string): ClusterLookup {
    const entry = this.entries.get(name);
    if (entry === undefined) return NONE;
    return entry.now ?? this.open(entry);
  }

  /**
   * Adds a cluster or replaces the one of that name; a cluster that must discover its members
   * serves only after it has. False when nothing changes: the same configuration again, or a
   * discovered cluster under the name of a static one.
   */
  addOrUpdate(config: ClusterConfig, source: ClusterSource): boolean {
    const entry = this.entryOf(config.name);
    const current = entry.warming ?? entry.active;
    if (current !== null && current.config.identity === config.identity) return false;
    if (current !== null && current.source === "static" && source === "dynamic") return false;
    if (current === null) this.stats.clusterAdded.inc();
    else this.stats.clusterModified.inc();
    const next = new Registration(config, source);
    next.inherits = current !== null;
    if (entry.warming !== null) this.retire(entry.warming, false);
    entry.warming = next;
    if (config.discovery.eager || config.healthCheck !== null) this.startWarming(next);
    else this.activate(entry, next);
    this.showCounts();
    return true;
  }

  /** Removes a cluster of that source. Requests on their way finish; new ones find none. */
  remove(name: string, source: ClusterSource): boolean {
    const entry = this.entries.get(name);
    const current = entry?.warming ?? entry?.active;
    if (entry === undefined || current === null || current === undefined) return false;
    if (current.source !== source) return false;
    this.entries.delete(name);
    this.stats.clusterRemoved.inc();
    for (const registration of [entry.warming, entry.active]) {
      if (registration !== null) this.retire(registration, true);
    }
    this.answerWaiters(entry, null);
    this.showCounts();
    this.announce(name);
    this.checkIdle();
    return true;
  }

  /** Names of all clusters that serve. */
  names(): string[] {
    return [...this.entries].filter(([, entry]) => entry.active !== null).map(([name]) => name);
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** Clusters that serve, with their hosts; starts nothing. */
  describe(): ClusterStatus[] {
    return [...this.statuses()];
  }

  /** As `describe`, one at a time. */
  *statuses(): Generator<ClusterStatus> {
    for (const { active } of this.entries.values()) if (active !== null) yield describe(active);
  }

  /** Those that wait for their members. */
  warming(): ClusterConfig[] {
    const configs: ClusterConfig[] = [];
    for (const { warming } of this.entries.values()) {
      if (warming !== null) configs.push(warming.config);
    }
    return configs;
  }

  /** Calls back (perhaps at once) when no cluster that must be waited for is warming. */
  whenWarm(callback: () => void): void {
    this.idleListeners.push(callback);
    this.checkIdle();
  }

  /** Told the name of every cluster that began to serve, was replaced, or went away. */
  onChange(listener: (name: string) => void): void {
    this.changeListeners.push(listener);
  }

  /** Runtime values changed. */
  refresh(): void {
    for (const { active } of this.entries.values()) active?.runtime?.refresh();
  }

  /** Brings the gauges of circuit breakers and health up to date: before stats are shown. */
  showShared(): void {
    for (const { active } of this.entries.values()) active?.runtime?.showShared();
  }

  /** Drains everything; `done` runs when the last upstream connection is gone. */
  close(done: () => void): void {
    this.closing++;
    for (const [name, entry] of this.entries) {
      this.entries.delete(name);
      for (const registration of [entry.warming, entry.active]) {
        if (registration === null) continue;
        this.closing++;
        this.retire(registration, false, () => this.closed(done));
      }
      this.answerWaiters(entry, null);
    }
    this.closed(done);
  }

  onClusterReady(cluster: RuntimeCluster): void {
    const entry = this.entries.get(cluster.config.name);
    const { warming } = entry ?? {};
    if (entry === undefined || warming === null || warming === undefined) return;
    if (warming.runtime !== cluster) return;
    this.activate(entry, warming);
    this.showCounts();
    this.checkIdle();
  }

  onMembersChanged(cluster: RuntimeCluster): void {
    if (cluster.ready) this.stats.clusterUpdated.inc();
    if (this.localName === cluster.config.name) this.onLocalClusterChanged();
    if (this.watches.size > 0) this.tell(cluster.config.name);
  }

  find(name: string): SiblingCluster | null {
    const active = this.entries.get(name)?.active;
    if (active === null || active === undefined) return null;
    return active.runtime ?? this.start(active);
  }

  watch(name: string, callback: () => void): () => void {
    const callbacks = this.watches.get(name) ?? new Set();
    // One callback may watch twice: each watch is its own.
    const own = (): void => callback();
    this.watches.set(name, callbacks.add(own));
    return () => {
      callbacks.delete(own);
      if (callbacks.size === 0 && this.watches.get(name) === callbacks) this.watches.delete(name);
    };
  }

  private localHosts(): HostSet | null {
    return this.entries.get(this.localName)?.active?.runtime?.hostSets[0] ?? null;
  }

  private onLocalClusterChanged(): void {
    for (const { active, warming } of this.entries.values()) {
      active?.runtime?.onLocalClusterChanged();
      warming?.runtime?.onLocalClusterChanged();
    }
  }

  private open(entry: Entry): ClusterLookup {
    const { active } = entry;
    if (active === null) return new LaterLookup(entry.waiters);
    const runtime = active.runtime ?? this.start(active);
    entry.now = { kind: "now", cluster: runtime };
    return entry.now;
  }

  private start(registration: Registration): RuntimeCluster {
    const runtime = new RuntimeCluster(registration.config, this.services, this);
    registration.runtime = runtime;
    runtime.start();
    return runtime;
  }

  /** A discovery that answers at once has activated the cluster when this returns. */
  private startWarming(registration: Registration): void {
    const runtime = new RuntimeCluster(registration.config, this.services, this);
    registration.runtime = runtime;
    runtime.info.stats.membership.warmingState.set(1);
    runtime.start();
  }

  private activate(entry: Entry, registration: Registration): void {
    const before = entry.active;
    entry.active = registration;
    entry.warming = null;
    entry.now = null;
    registration.runtime?.info.stats.membership.warmingState.set(0);
    // A cluster in use is replaced by a running one; those of the bootstrap are few and show all
    // their stats, as in Envoy.
    const used = before !== null && before.runtime !== null;
    if (registration.runtime === null && (used || registration.source === "static")) {
      this.start(registration);
    }
    if (before !== null) this.retire(before, false);
    if (entry.waiters.size > 0) {
      const lookup = this.open(entry);
      this.answerWaiters(entry, lookup.kind === "now" ? lookup.cluster : null);
    }
    this.announce(registration.config.name);
    if (registration.config.name === this.localName) this.onLocalClusterChanged();
  }

  /** `done` runs at once when there is nothing to drain. */
  private retire(registration: Registration, gone: boolean, done: () => void = nothing): void {
    const { runtime, inherits } = registration;
    if (runtime === null) {
      done();
      return;
    }
    runtime.close(() => {
      if (gone) runtime.removeStats(inherits);
      else runtime.releaseStats();
      done();
    });
  }

  private closed(done: () => void): void {
    if (--this.closing === 0) done();
  }

  private answerWaiters(entry: Entry, cluster: Cluster | null): void {
    const waiters = [...entry.waiters];
    entry.waiters.clear();
    for (const waiter of waiters) waiter(cluster);
  }

  private announce(name: string): void {
    for (const listener of this.changeListeners) listener(name);
    this.tell(name);
  }

  private tell(name: string): void {
    for (const callback of this.watches.get(name) ?? []) callback();
  }

  private entryOf(name: string): Entry {
    let entry = this.entries.get(name);
    if (entry === undefined) {
      entry = new Entry();
      this.entries.set(name, entry);
    }
    return entry;
  }

  private showCounts(): void {
    let active = 0;
    let warming = 0;
    for (const entry of this.entries.values()) {
      if (entry.active !== null) active++;
      if (entry.warming !== null) warming++;
    }
    this.stats.activeClusters.set(active);
    this.stats.warmingClusters.set(warming);
  }

  private checkIdle(): void {
    for (const { warming } of this.entries.values()) {
      if (warming?.config.waitForWarmOnInit === true) return;
    }
    const listeners = this.idleListeners;
    this.idleListeners = [];
    for (const listener of listeners) listener();
  }
}

class LaterLookup {
  readonly kind = "later";
  private readonly waiters: Set<(cluster: Cluster | null) => void>;

  constructor(waiters: Set<(cluster: Cluster | null) => void>) {
    this.waiters = waiters;
  }

  wait(callback: (cluster: Cluster | null) => void): () => void {
    // One callback may wait twice: each wait is its own.
    const waiter = (cluster: Cluster | null): void => callback(cluster);
    this.waiters.add(waiter);
    return () => void this.waiters.delete(waiter);
  }
}

function describe({ config, source, runtime }: Registration): ClusterStatus {
  if (runtime === null) {
    const members = config.discovery.fixedMembership ?? EMPTY_MEMBERSHIP;
    const { localityWeights, overprovisioningFactor } = members;
    const hosts = members.hosts.map(unusedHost);
    const outlierRates = config.outlierDetection === null ? null : UNKNOWN_RATES;
    return {
      config,
      source,
      hosts,
      localityWeights,
      overprovisioningFactor,
      outlierRates,
      started: false,
    };
  }
  const { hostSets } = runtime;
  const localityWeights = new Map<string, number>();
  for (const { localities, priority } of hostSets) {
    for (const { locality, weight } of localities) {
      if (weight > 0) localityWeights.set(localityKey(locality, priority), weight);
    }
  }
  return {
    config,
    source,
    hosts: hostSets.flatMap((set) => set.hosts.map((host) => usedHost(host as UpstreamHost))),
    localityWeights,
    overprovisioningFactor: hostSets[0]?.overprovisioningFactor ?? 140,
    outlierRates: runtime.successRates(),
    started: true,
  };
}

function unusedHost(description: HostDescription): HostStatus {
  const flags = flagsOfHealthStatus(description.health);
  return { description, flags, totals: null, successRate: -1, localOriginSuccessRate: -1 };
}

function usedHost(host: UpstreamHost): HostStatus {
  return {
    description: host.description,
    flags: host.healthFlags(),
    totals: host.stats.totals(),
    successRate: encodeRate(host.health?.fact(HostFact.ExternalSuccessRate) ?? 0),
    localOriginSuccessRate: encodeRate(host.health?.fact(HostFact.LocalSuccessRate) ?? 0),
  };
}
