// One host choice: policy × equal or different weights, over 16 hosts.

import { CompileContext } from "../../../../src/config/compile-context.ts";
import { leastRequest } from "../../../../src/extensions/load-balancers/least-request/least-request.ts";
import { random } from "../../../../src/extensions/load-balancers/random/random.ts";
import { roundRobin } from "../../../../src/extensions/load-balancers/round-robin/round-robin.ts";
import { EMPTY_CONTEXT } from "../../../../src/upstream/load-balancer.ts";
import { BalancerBench } from "../../../../test/contract/load-balancer/load-balancer-suite.ts";
import { bench } from "../../../kit/micro.ts";

for (const factory of [roundRobin, leastRequest, random]) {
  for (const weights of ["equal", "different"]) {
    const policy = factory.compile({}, new CompileContext())!;
    const balancer = new BalancerBench(policy).set(
      Array.from({ length: 16 }, (_, index) => ({
        port: index + 1,
        weight: weights === "equal" ? 1 : 1 + (index % 4),
      })),
    ).balancer;
    bench(`${factory.lbPolicy}, ${weights} weights`, () => balancer.chooseHost(EMPTY_CONTEXT), {
      // A 32-bit random number may not fit a small integer: 8 bytes for each draw.
      allocatedBytesMax: 24,
    });
  }
}
