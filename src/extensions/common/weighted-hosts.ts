// hot: per request
/** What the weighted load-balancing policies share. Envoy: `EdfLoadBalancerBase`. */
import type { RandomGenerator } from "../../platform/random.ts";
import { EdfScheduler, type Weigher } from "../../upstream/edf-scheduler.ts";
import type { Host } from "../../upstream/host.ts";
import type { HostPicker } from "../../upstream/load-balancer.ts";

/** With equal weights no schedule is needed. */
export function equalWeights(hosts: readonly Host[]): boolean {
  const first = hosts[0]?.description.weight;
  for (let index = 1; index < hosts.length; index++) {
    if ((hosts[index] as Host).description.weight !== first) return false;
  }
  return true;
}

/** The configured weight. */
export const CONFIGURED_WEIGHT: Weigher<Host> = {
  weight: (host: Host): number => host.description.weight,
};

/** Hosts by earliest deadline first, each with its weight at the moment it is picked. */
export class ScheduledPicker implements HostPicker {
  private readonly scheduler: EdfScheduler<Host>;

  constructor(hosts: readonly Host[], weigher: Weigher<Host>, random: RandomGenerator) {
    this.scheduler = new EdfScheduler<Host>(weigher);
    for (const host of hosts) this.scheduler.add(host);
    this.scheduler.scatter(random);
  }

  pick(): Host {
    return this.scheduler.pick();
  }
}
