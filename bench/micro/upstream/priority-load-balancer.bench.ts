// The way to a picker: choosing a priority and a tier, with one priority and with three.
import type { Host } from "../../../src/upstream/host.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { PriorityLoadBalancer } from "../../../src/upstream/priority-load-balancer.ts";
import { BalancerBench } from "../../../test/contract/load-balancer/load-balancer-suite.ts";
import { bench } from "../../kit/micro.ts";

const firstHost = {
  name: "first",
  createBalancer: (services: BalancerBench["services"]) =>
    new PriorityLoadBalancer(firstHost, services),
  createPicker: (hosts: readonly Host[]) => ({ pick: () => hosts[0] as Host }),
};

for (const priorities of [1, 3]) {
  const { balancer } = new BalancerBench(firstHost).set(
    Array.from({ length: 3 * priorities }, (_, index) => ({
      port: index + 1,
      priority: index % priorities,
    })),
  );
  bench(
    `PriorityLoadBalancer, ${priorities} priorities`,
    () => balancer.chooseHost(EMPTY_CONTEXT),
    {
      // A 32-bit random number may not fit a small integer.
      allocatedBytesMax: 24,
    },
  );
}
