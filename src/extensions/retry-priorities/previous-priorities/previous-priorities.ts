/**
 * Every `update_frequency` attempts, priorities tried before lose their load to the others. Envoy:
 * `envoy.retry_priorities.previous_priorities` (source/extensions/retry/priority).
 */
import type { PreviousPrioritiesConfig } from "../../../proto/generated/envoy/extensions/retry/priority/previous_priorities/v3.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet } from "../../../upstream/host-set.ts";
import type { PriorityLoads } from "../../../upstream/load-balancer.ts";
import { priorityHealth } from "../../../upstream/priority.ts";
import type { RetryExtensionType, RetryPriority } from "../../../upstream/retry-host-predicate.ts";

export const previousPriorities: RetryExtensionType<RetryPriority> = {
  name: "envoy.retry_priorities.previous_priorities",
  messageType: "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
  compile(message, context) {
    const { updateFrequency = 0 } = message as PreviousPrioritiesConfig;
    if (updateFrequency === 0) {
      return context.at("update_frequency").error("update_frequency is 0", "use 1 or more");
    }
    return { create: () => new PreviousPriorities(updateFrequency) };
  },
};

class PreviousPriorities implements RetryPriority {
  private readonly updateFrequency: number;
  private attempted: Host[] = [];
  private readonly excluded = new Set<number>();
  private adjusted: PriorityLoads | null = null;
  /** Attempts that `adjusted` was made for: asking again changes nothing. */
  private adjustedAt = 0;

  constructor(updateFrequency: number) {
    this.updateFrequency = updateFrequency;
  }

  onHostAttempted(host: Host): void {
    this.attempted.push(host);
  }

  priorityLoads(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads {
    const attempts = this.attempted.length;
    if (attempts < this.updateFrequency) return loads;
    if (attempts % this.updateFrequency === 0 && attempts !== this.adjustedAt) {
      this.adjustedAt = attempts;
      for (const host of this.attempted) this.excluded.add(priorityOf(host, sets));
      this.adjusted = this.adjust(loads, sets);
    }
    return this.adjusted ?? loads;
  }

  /** Null when no priority has a usable host. */
  private adjust(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads | null {
    const rest = this.availability(sets);
    if (rest.total > 0) return distribute(rest, loads);
    // All were tried: begin anew.
    this.excluded.clear();
    this.attempted = [];
    this.adjustedAt = 0;
    const all = this.availability(sets);
    return all.total > 0 ? distribute(all, loads) : null;
  }

  private availability(sets: readonly HostSet[]): Availability {
    const healthy: number[] = [];
    const degraded: number[] = [];
    let total = 0;
    for (const set of sets) {
      const health = priorityHealth(set);
      const counts = !this.excluded.has(set.priority);
      healthy.push(counts ? health.healthyPercent : 0);
      degraded.push(counts ? health.degradedPercent : 0);
      if (counts) total += health.healthyPercent + health.degradedPercent;
    }
    return { healthy, degraded, total: Math.min(100, total) };
  }
}

interface Availability {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  readonly total: number;
}

/** As much as possible to the first priorities; what rounding leaves goes to the first usable. */
function distribute(
  { healthy, degraded, total }: Availability,
  before: PriorityLoads,
): PriorityLoads {
  const loads = { healthy: healthy.map(() => 0), degraded: degraded.map(() => 0) };
  let left = 100;
  const give = (percents: readonly number[], to: number[]): void => {
    for (let index = 0; index < percents.length; index++) {
      const share = Math.min(left, Math.floor(((percents[index] as number) * 100) / total));
      (to[index] as number) += share;
      left -= share;
    }
  };
  while (left > 0) {
    give(healthy, loads.healthy);
    give(degraded, loads.degraded);
  }
  return { ...loads, panic: before.panic };
}

/** In an aggregate cluster the hosts of several clusters stand in one list of priorities. */
function priorityOf(host: Host, sets: readonly HostSet[]): number {
  const found = sets.find(({ hosts }) => hosts.includes(host));
  return found?.priority ?? host.description.priority;
}
