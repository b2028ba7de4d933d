// hot: per request
/**
 * A cluster at work on one data plane: members from its discovery, a load balancer over them, pools
 * per host. Envoy: `ThreadLocalClusterManagerImpl::ClusterEntry` and the main thread's
 * `ClusterImplBase` in one.
 */
import type { StatsScope } from "../stats/stats-scope.ts";
import type { Cluster, ClusterInfo, MemberCounts, ResourcePriority } from "./cluster.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { ClusterHealth } from "./cluster-health.ts";
import { makeClusterInfo } from "./cluster-info.ts";
import type { HttpConnectionPool, TcpConnectionPool } from "./connection-pool.ts";
import type {
  DiscoveryListener,
  HostDiscovery,
  SiblingCluster,
  SiblingClusters,
} from "./discovery.ts";
import { type ClusterChecks, createClusterChecks } from "./health/cluster-checks.ts";
import { type Host, type HostDescription, healthCheckKey, healthStatusOf } from "./host.ts";
import { HostDrains } from "./host-drains.ts";
import {
  applyMembership,
  EMPTY_MEMBERSHIP,
  EMPTY_PRIORITY_SET,
  type HostSet,
  type Membership,
  type PrioritySet,
  refreshHealth,
  samePolicy,
  showHostSets,
} from "./host-set.ts";
import type {
  ClusterLoadBalancer,
  HostCallback,
  LoadBalancerContext,
  LoadBalancerServices,
} from "./load-balancer.ts";
import { EMPTY_LOCALITY, localityKey } from "./locality.ts";
import { OnDemandMembers } from "./on-demand-members.ts";
import { createOutlierDetector } from "./outlier/create-outlier-detector.ts";
import type { OutlierDetector, OutlierRates } from "./outlier/outlier-detector.ts";
import { H1Pool } from "./pool/h1-pool.ts";
import { TcpPool } from "./pool/tcp-pool.ts";
import { type PoolOwner, UpstreamHost } from "./upstream-host.ts";
import type { UpstreamServices } from "./upstream-services.ts";

const PANIC_RUNTIME_KEY = "upstream.healthy_panic_threshold";

/** Told what a runtime cluster does. */
export interface RuntimeClusterListener extends SiblingClusters {
  /** Its first members are known, or discovery gave up waiting. Once. */
  onClusterReady(cluster: RuntimeCluster): void;
  /** Members or their health changed. */
  onMembersChanged(cluster: RuntimeCluster): void;
}

export class RuntimeCluster implements Cluster, DiscoveryListener, PoolOwner, SiblingCluster {
  readonly config: ClusterConfig;
  readonly info: ClusterInfo;
  /** Discovery has answered once. */
  ready = false;
  dropOverload = 0;
  private initialized = false;
  private readonly services: UpstreamServices;
  private readonly listener: RuntimeClusterListener;
  readonly loadBalancer: ClusterLoadBalancer;
  private readonly discovery: HostDiscovery;
  private readonly scope: StatsScope;
  private readonly membershipScope: StatsScope;
  private readonly slotName: string;
  /** Null when neither outlier detection nor health checks can change a host's health. */
  private readonly health: ClusterHealth | null;
  private readonly outlier: OutlierDetector | null;
  /** Null without active health checks. */
  private readonly checks: ClusterChecks | null;
  /** What discovery names. */
  private discovered: Membership = EMPTY_MEMBERSHIP;
  /** Those, and hosts that stay as long as their checks pass. */
  private membership: Membership = EMPTY_MEMBERSHIP;
  /** Of discoveries that know all members. */
  private known: PrioritySet = EMPTY_PRIORITY_SET;
  /** Of discoveries that make members when they are needed. */
  private readonly demanded: OnDemandMembers | null;
  private readonly drains = new HostDrains();
  private closed = false;

  constructor(config: ClusterConfig, services: UpstreamServices, listener: RuntimeClusterListener) {
    this.config = config;
    this.services = services;
    this.listener = listener;
    this.scope = clusterScope(services.stats, config);
    const onDemand = config.discovery.hostsOnDemand === true;
    this.demanded = onDemand ? new OnDemandMembers() : null;
    this.membershipScope = onDemand
      ? this.scope
      : clusterScope(services.configurationStats, config);
    this.slotName = `${config.name}\n${config.identity}`;
    this.info = makeClusterInfo(config, services, {
      scope: this.scope,
      membershipScope: this.membershipScope,
      slot: services.slots.limits.acquire(this.slotName),
    });
    this.info.stats.membership.warmingState.set(0);
    this.readRuntimeLimits();
    this.health = config.tracksHealth
      ? new ClusterHealth(services.dispatcher, services.slots.health, this.slotName, this)
      : null;
    this.outlier = createOutlierDetector(config, services, this.health?.slot ?? null, {
      own: this.scope,
      shared: this.membershipScope,
    });
    this.checks = createClusterChecks(config, services, {
      info: this.info,
      scope: this.scope,
      slot: this.health?.slot ?? null,
    });
    this.discovery = config.discovery.create({
      dispatcher: services.dispatcher,
      dns: services.dns,
      endpoints: services.endpoints,
      stats: this.info.stats.membership,
      scope: this.membershipScope,
      listener: this,
      siblings: listener,
      random: services.dispatcher.random,
      info: this.info,
    });
    this.loadBalancer =
      this.discovery.loadBalancer ?? config.policy.createBalancer(this.balancerServices());
  }

  /** Begins discovery; members known already are there when it returns. */
  start(): void {
    this.discovery.start();
  }

  /** Ends discovery and drains every pool; `done` runs when the last connection is gone. */
  close(done: () => void): void {
    this.closed = true;
    this.outlier?.close();
    this.discovery.close();
    this.checks?.close();
    this.loadBalancer.close?.();
    for (const host of this.members.byIdentity.values()) this.drains.retire(host);
    this.drains.whenDone(() => this.onDrained(done));
  }

  /** A newer cluster of the same name goes on with the counters. */
  releaseStats(): void {
    this.scope.release();
    if (this.membershipScope !== this.scope) this.membershipScope.release();
  }

  /**
   * The counters disappear, unless a newer cluster of the same name holds them. With `inherited`
   * also those that only an earlier one of the name has held.
   */
  removeStats(inherited: boolean): void {
    for (const scope of [this.scope, this.membershipScope]) {
      scope.remove();
      if (inherited) scope.sweep();
    }
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    if (this.health !== null) this.health.catchUp();
    let host: Host | null = null;
    let strict = false;
    if (context.overrideHost !== null && this.config.overrideHostStatuses.length > 0) {
      host = this.overrideHost(context.overrideHost.addressText);
      strict = context.overrideHost.strict;
    }
    if (host === null && !strict) host = this.loadBalancer.chooseHost(context);
    if (host === null && this.loadBalancer.awaitHost === undefined) {
      this.info.stats.upstreamCxNoneHealthy.inc();
    }
    return host;
  }

  awaitHost(context: LoadBalancerContext, callback: HostCallback): (() => void) | null {
    return this.loadBalancer.awaitHost?.(context, callback) ?? null;
  }

  memberCounts(): MemberCounts {
    this.health?.catchUp();
    let total = 0;
    let usable = 0;
    for (const set of this.members.sets) {
      total += set.hosts.length;
      usable += set.healthy.length + set.degraded.length;
    }
    return { total, usable };
  }

  hasHttpPool(host: Host, priority: ResourcePriority): boolean {
    return (host as UpstreamHost).hasHttpPool(priority);
  }

  httpPool(host: Host, priority: ResourcePriority): HttpConnectionPool {
    return (host as UpstreamHost).httpPool(priority);
  }

  tcpPool(host: Host, priority: ResourcePriority): TcpConnectionPool {
    return (host as UpstreamHost).tcpPool(priority);
  }

  get members(): PrioritySet {
    return this.demanded === null ? this.known : this.demanded.prioritySet;
  }

  get hostSets(): readonly HostSet[] {
    return this.members.sets;
  }

  catchUp(): void {
    this.health?.catchUp();
  }

  onMembership(discovered: Membership): void {
    if (this.closed) return;
    this.discovered = discovered;
    const { checks } = this;
    const membership = checks?.retain(discovered, this.known.byIdentity) ?? discovered;
    const change = applyMembership(this.known, membership, (host) => this.createHost(host));
    const { stats } = this.info;
    const same = !change.changed && samePolicy(membership, this.membership);
    this.membership = membership;
    this.dropOverload = membership.dropOverload ?? 0;
    this.known = change.next;
    if (same) {
      if (this.config.discovery.hostsVary) stats.membership.updateNoRebuild.inc();
      if (this.ready) return;
    }
    this.outlier?.updateHosts(change.added, change.removed);
    this.rebalance();
    // Adding 0 would already count as use.
    if (change.changedPriorities > 0) {
      stats.membership.membershipChange.add(change.changedPriorities);
    }
    if (change.added.length > 0) stats.defaultTransportSocketMatches.add(change.added.length);
    checks?.start(change.added);
    checks?.stop(change.removed);
    for (const host of change.removed) this.drains.retire(host);
    if (this.config.closeConnectionsOnHostSetChange && change.changedPriorities > 0) {
      for (const host of this.members.byIdentity.values()) this.drains.replacePools(host);
    }
    this.listener.onMembersChanged(this);
  }

  addHost(description: HostDescription): Host {
    const host = this.createHost(description);
    this.demanded?.add(host);
    this.outlier?.updateHosts([host], []);
    this.checks?.start([host]);
    this.info.stats.membership.membershipChange.inc();
    this.info.stats.defaultTransportSocketMatches.inc();
    this.showMembership();
    this.listener.onMembersChanged(this);
    return host;
  }

  updateHost(host: Host, description: HostDescription): void {
    (host as UpstreamHost).update(description);
  }

  removeHosts(hosts: readonly Host[]): void {
    for (const host of hosts as readonly UpstreamHost[]) {
      if (this.demanded?.remove(host) !== true) continue;
      this.outlier?.updateHosts([], [host]);
      this.checks?.stop([host]);
      this.drains.retire(host);
    }
    this.info.stats.membership.membershipChange.inc();
    this.showMembership();
    this.listener.onMembersChanged(this);
  }

  onInitialized(): void {
    if (this.ready || this.closed || this.initialized) return;
    this.initialized = true;
    if (this.checks === null) this.becomeReady();
    else this.checks.whenChecked(this.members.byIdentity.values(), () => this.becomeReady());
  }

  /** The hosts of the local cluster changed: zones get other shares. */
  onLocalClusterChanged(): void {
    if (!this.closed) this.rebalance();
  }

  /** Runtime values changed: computes tiers, loads and limits anew. */
  refresh(): void {
    this.readRuntimeLimits();
    this.outlier?.refresh();
    this.onHealthChanged();
  }

  /** Health bits changed, here or on another data plane: computes tiers and loads anew. */
  onHealthChanged(): void {
    // While the first checks are under way nobody chooses, and every result would cost a look.
    if (this.closed || (this.checks !== null && !this.ready)) return;
    if (this.health !== null) this.dropFailed();
    this.refreshTiers();
    this.listener.onMembersChanged(this);
  }

  get hostCount(): number {
    return this.members.byIdentity.size;
  }

  /** Another data plane may have changed limits or health since this one last looked. */
  showShared(): void {
    for (const limits of this.info.limits) limits.showIfBehind();
    this.health?.catchUp();
    this.outlier?.show();
  }

  /** For the admin page; null without outlier detection. */
  successRates(): OutlierRates | null {
    return this.outlier?.rates() ?? null;
  }

  private becomeReady(): void {
    if (this.checks !== null) this.refreshTiers();
    this.ready = true;
    this.listener.onClusterReady(this);
  }

  private refreshTiers(): void {
    if (this.demanded === null) this.known = refreshHealth(this.known, this.membership);
    else this.demanded.refresh();
    this.rebalance();
  }

  /** A host that turned failed loses its connections, and its place if only its health held it. */
  private dropFailed(): void {
    let leaves = false;
    for (const host of this.members.byIdentity.values()) {
      if (!host.turnedFailed()) continue;
      this.checks?.takeReport(host);
      this.drains.replacePools(host, this.config.closeConnectionsOnHostHealthFailure);
      leaves ||= host.pendingRemoval;
    }
    if (leaves) this.onMembership(this.discovered);
  }

  private balancerServices(): LoadBalancerServices {
    const { dispatcher, runtime } = this.services;
    const { limits } = this.info;
    return {
      dispatcher,
      random: dispatcher.random,
      runtime,
      stats: this.info.stats.loadBalancer,
      scope: this.scope,
      configurationScope: this.membershipScope,
      activeRequests: () => limits[0].requests.count + limits[1].requests.count,
      locality: this.services.localNode?.locality ?? EMPTY_LOCALITY,
      localCluster: this.services.localCluster ?? null,
    };
  }

  /** The host that a filter asked for, if it is there and its health allows it. */
  private overrideHost(addressText: string): Host | null {
    const host = this.members.byIdentity.get(addressText);
    if (host === undefined) return null;
    return this.config.overrideHostStatuses.includes(healthStatusOf(host)) ? host : null;
  }

  private readRuntimeLimits(): void {
    const { name } = this.config;
    const [normal, high] = this.info.limits;
    normal.readRuntime(this.services.runtime, `circuit_breakers.${name}.default`);
    high.readRuntime(this.services.runtime, `circuit_breakers.${name}.high`);
  }

  private rebalance(): void {
    const { runtime } = this.services;
    const threshold = runtime.getInteger(PANIC_RUNTIME_KEY, this.config.panicThreshold);
    this.loadBalancer.update(this.members, Math.min(100, threshold));
    this.showMembership();
  }

  private showMembership(): void {
    const { membership } = this.info.stats;
    if (this.demanded !== null) {
      membership.membershipTotal.set(this.demanded.size);
      membership.membershipHealthy.set(this.demanded.healthy);
      membership.membershipDegraded.set(this.demanded.degraded);
      return;
    }
    showHostSets(membership, this.members.sets, this.config.discovery.hostsVary);
  }

  private createHost(host: HostDescription): UpstreamHost {
    const { slots } = this.services;
    const { healthCheck } = host;
    const check = healthCheck === null ? "" : `\n${healthCheckKey(healthCheck)}`;
    const key = `${this.slotName}\n${host.identity}\n${localityKey(host.locality, 0)}${check}`;
    const cluster = this.health;
    const slot = cluster === null ? null : slots.health.acquire(key);
    const made = new UpstreamHost(host, slots.hosts.acquire(key), this, { slot, cluster });
    if (this.demanded === null) this.checks?.admit(made, this.known.byIdentity.get(host.identity));
    made.turnedFailed();
    return made;
  }

  /** Every host and pool of it is gone. */
  private onDrained(done: () => void): void {
    const { limits } = this.services.slots;
    for (const one of this.info.limits) one.detach(limits);
    limits.release(this.slotName);
    this.health?.close();
    done();
  }

  mayOpenHttpPool(priority: ResourcePriority): boolean {
    const { limits, stats } = this.info;
    if (limits[priority === "HIGH" ? 1 : 0].connectionPools.tryAcquire()) return true;
    stats.upstreamCxPoolOverflow.inc();
    return false;
  }

  takePoolPlace(priority: ResourcePriority): void {
    this.info.limits[priority === "HIGH" ? 1 : 0].connectionPools.acquire();
  }

  openHttpPool(host: UpstreamHost, priority: ResourcePriority): HttpConnectionPool {
    const pool = new H1Pool(this.info, host, priority, this.services);
    // The first pool brings both gauges to light, as in Envoy.
    for (const limits of this.info.limits) limits.connectionPools.show();
    this.health?.markUsed();
    if (this.closed) pool.drain(() => undefined);
    return pool;
  }

  openTcpPool(host: UpstreamHost, priority: ResourcePriority): TcpConnectionPool {
    const pool = new TcpPool(this.info, host, priority, this.services);
    this.health?.markUsed();
    if (this.closed) pool.drain(() => undefined);
    return pool;
  }
}

/** `cluster.<name>`. */
function clusterScope(root: StatsScope, config: ClusterConfig): StatsScope {
  return root.scope(`cluster.${config.observabilityName}`);
}
