/** What the weighted load-balancing policies share. Envoy: `EdfLoadBalancerBase`. */
import type { CompileContext } from "../../config/compile-context.ts";
import { type RandomGenerator, randomBelow } from "../../platform/random.ts";
import type { LocalityLbConfig } from "../../proto/generated/envoy/extensions/load_balancing_policies/common/v3.ts";
import type { EdfScheduler } from "../../upstream/edf-scheduler.ts";
import type { Host } from "../../upstream/host.ts";

/** With equal weights no schedule is needed. */
export function equalWeights(hosts: readonly Host[]): boolean {
  const first = hosts[0]?.description.weight;
  return hosts.every((host) => host.description.weight === first);
}

/** Proxies that start together must not send their first requests to the same host. */
export function advance(scheduler: EdfScheduler<Host>, random: RandomGenerator): void {
  for (let picks = randomBelow(random, scheduler.size); picks > 0; picks--) scheduler.pick();
}

/** Names slow start as not obeyed. */
export function reportSlowStart(message: object | undefined, context: CompileContext): void {
  if (message === undefined) return;
  context.at("slow_start_config").warn("Slow start is not supported yet: new hosts get full load");
}

/** Names locality settings as not obeyed. */
export function reportLocalityConfig(
  message: LocalityLbConfig | undefined,
  context: CompileContext,
): void {
  if (message === undefined || Object.keys(message).length === 0) return;
  context
    .at("locality_lb_config")
    .warn("Localities are not weighed yet: all hosts of a priority share its load");
}
