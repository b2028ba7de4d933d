// hot: per request
/**
 * Zone-aware routing: requests stay in our own zone as far as it has its share of the upstream
 * hosts; the rest goes to zones with capacity to spare. Only in priority 0. Envoy:
 * `ZoneAwareLoadBalancerBase` (source/extensions/load_balancing_policies/common).
 */
import { randomBelow } from "../platform/random.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host-set.ts";
import {
  type HostPicker,
  type LoadBalancerServices,
  type LocalCluster,
  NO_HOST_PICKER,
} from "./load-balancer.ts";
import { type LocalityHealth, localityHealth, localityKey, sameLocality } from "./locality.ts";
import type { ZoneAwareConfig } from "./locality-config.ts";
import type { LocalityChooser, LocalityPickers } from "./locality-weights.ts";
import { isInPanic } from "./priority.ts";

const ENABLED_KEY = "upstream.zone_routing.enabled";
const MIN_CLUSTER_SIZE_KEY = "upstream.zone_routing.min_cluster_size";
const FORCE_LOCAL_KEY = "upstream.zone_routing.force_local_zone.min_size";
/** Shares are in 1/10000. */
const WHOLE = 10_000;

/** Where requests of priority 0 go: index 0 is our own zone when `hasLocal`. */
export interface ZoneShares {
  /** Requests that stay, in 1/10000; at least `WHOLE` when all do. */
  readonly localShare: number;
  /** Running sums of what each zone can take from others. */
  readonly residual: readonly number[];
}

/**
 * The shares from those of local-cluster hosts and of upstream hosts per upstream zone, both in
 * 1/10000.
 */
export function zoneShares(
  local: readonly number[],
  upstream: readonly number[],
  hasLocal: boolean,
): ZoneShares {
  const [ourLocal = 0] = local;
  const [ourUpstream = 0] = upstream;
  if (hasLocal && ourUpstream > 0 && ourUpstream >= ourLocal) {
    return { localShare: WHOLE, residual: [] };
  }
  const residual: number[] = [];
  let sum = 0;
  for (let index = 0; index < upstream.length; index++) {
    const spare = (upstream[index] as number) - (local[index] as number);
    if (spare > 0 && !(index === 0 && hasLocal)) sum += spare;
    residual.push(sum);
  }
  const localShare = hasLocal && ourLocal > 0 ? Math.floor((ourUpstream * WHOLE) / ourLocal) : 0;
  return { localShare, residual };
}

export class ZoneRouting implements LocalityChooser {
  private readonly config: ZoneAwareConfig;
  private readonly services: LoadBalancerServices;
  private readonly localCluster: LocalCluster;
  private readonly makePicker: LocalityPickers;
  /** Null while zones do not matter. */
  private shares: ZoneShares | null = null;
  private allLocal = false;
  private localPanic = false;
  private healthy: readonly HostPicker[] = [];
  private degraded: readonly HostPicker[] = [];

  constructor(
    config: ZoneAwareConfig,
    services: LoadBalancerServices,
    localCluster: LocalCluster,
    makePicker: LocalityPickers,
  ) {
    this.config = config;
    this.services = services;
    this.localCluster = localCluster;
    this.makePicker = makePicker;
  }

  update(sets: readonly HostSet[], panicThreshold: number): void {
    this.shares = null;
    this.allLocal = false;
    const [set] = sets;
    const localSet = this.localCluster.hosts();
    if (set === undefined || localSet === null) return;
    this.localPanic = isInPanic(localSet, panicThreshold);
    const { services } = this;
    services.stats.lbRecalculateZoneStructures.inc();
    const groups = localityHealth(set.localities, services.locality);
    const localGroups = localityHealth(localSet.localities, services.locality);
    const forceMinSize = services.runtime.getInteger(
      FORCE_LOCAL_KEY,
      this.config.forceLocalZoneMinSize,
    );
    if (groups.length < 2 || (localGroups.length < 2 && forceMinSize === 0)) return;
    if (!this.localClusterOk(localGroups) || this.tooSmall(set)) return;
    this.healthy = this.pickersOf(groups, false);
    this.degraded = this.pickersOf(groups, true);
    const hasLocal = isLocal(groups[0], services);
    const [ours] = groups;
    if (forceMinSize > 0 && hasLocal && (ours as LocalityHealth).healthy.length >= forceMinSize) {
      this.shares = { localShare: WHOLE, residual: [] };
    } else {
      const { upstream, local } = sharesOf(groups, localGroups, this.config.byWeight);
      this.shares = zoneShares(local, upstream, hasLocal);
    }
    this.allLocal = this.shares.residual.length === 0;
  }

  choose(priority: number, degraded: boolean): HostPicker | null {
    const { shares } = this;
    if (shares === null || priority !== 0) return null;
    const { runtime, random, stats } = this.services;
    const { routingEnabled, failTrafficOnPanic } = this.config;
    if (!runtime.featureEnabled(ENABLED_KEY, routingEnabled, 100, random.uint32())) return null;
    if (this.localPanic) {
      stats.lbLocalClusterNotOk.inc();
      return failTrafficOnPanic ? NO_HOST_PICKER : null;
    }
    const pickers = degraded ? this.degraded : this.healthy;
    return pickers[this.chooseZone(shares)] as HostPicker;
  }

  private chooseZone(shares: ZoneShares): number {
    const { random, stats } = this.services;
    if (this.allLocal) {
      stats.lbZoneRoutingAllDirectly.inc();
      return 0;
    }
    if (randomBelow(random, WHOLE) < shares.localShare) {
      stats.lbZoneRoutingSampled.inc();
      return 0;
    }
    stats.lbZoneRoutingCrossZone.inc();
    const { residual } = shares;
    const total = residual[residual.length - 1] as number;
    if (total === 0) {
      // Only rounding leaves nothing to spare.
      stats.lbZoneNoCapacityLeft.inc();
      return randomBelow(random, residual.length);
    }
    const point = randomBelow(random, total);
    let zone = 0;
    while (point >= (residual[zone] as number)) zone++;
    return zone;
  }

  private localClusterOk(localGroups: readonly LocalityHealth[]): boolean {
    if (isLocal(localGroups[0], this.services)) return true;
    this.services.stats.lbLocalClusterNotOk.inc();
    return false;
  }

  private tooSmall(set: HostSet): boolean {
    const { runtime, stats } = this.services;
    const least = runtime.getInteger(MIN_CLUSTER_SIZE_KEY, this.config.minClusterSize);
    if (set.healthy.length >= least) return false;
    stats.lbZoneClusterTooSmall.inc();
    return true;
  }

  private pickersOf(groups: readonly LocalityHealth[], degraded: boolean): readonly HostPicker[] {
    return groups.map((group) => {
      const hosts = degraded ? group.degraded : group.healthy;
      if (hosts.length === 0) return NO_HOST_PICKER;
      const tier = degraded ? "degraded" : "healthy";
      return this.makePicker(`${tier}\n${localityKey(group.locality, 0)}`, hosts);
    });
  }
}

function isLocal(group: LocalityHealth | undefined, services: LoadBalancerServices): boolean {
  return (
    group !== undefined && group.hosts.length > 0 && sameLocality(group.locality, services.locality)
  );
}

/** Shares of healthy hosts per upstream zone, in 1/10000. */
function sharesOf(
  groups: readonly LocalityHealth[],
  localGroups: readonly LocalityHealth[],
  byWeight: boolean,
): { upstream: readonly number[]; local: readonly number[] } {
  const measure = byWeight ? totalWeight : count;
  const upstreamTotal = sum(groups.map((group) => measure(group.healthy)));
  const localTotal = sum(localGroups.map((group) => measure(group.healthy)));
  const upstream = groups.map((group) => share(measure(group.healthy), upstreamTotal));
  const local = groups.map((group) => {
    if (group.healthy.length === 0) return 0;
    const same = localGroups.find((one) => sameLocality(one.locality, group.locality));
    return same === undefined ? 0 : share(measure(same.healthy), localTotal);
  });
  return { upstream, local };
}

function share(part: number, total: number): number {
  return total > 0 ? Math.floor((WHOLE * part) / total) : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function count(hosts: readonly Host[]): number {
  return hosts.length;
}

function totalWeight(hosts: readonly Host[]): number {
  return sum(hosts.map((host) => host.description.weight));
}
