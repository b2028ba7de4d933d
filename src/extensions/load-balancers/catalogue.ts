/** Every load-balancing policy, in one list. */

import { clusterProvided } from "../../upstream/cluster-provided.ts";
import type { LoadBalancerFactory } from "../../upstream/load-balancer.ts";
import { clientSideWeightedRoundRobin } from "./client-side-weighted-round-robin/client-side-weighted-round-robin.ts";
import { leastRequest } from "./least-request/least-request.ts";
import { maglev } from "./maglev/maglev.ts";
import { peakEwma } from "./peak-ewma/peak-ewma.ts";
import { random } from "./random/random.ts";
import { ringHash } from "./ring-hash/ring-hash.ts";
import { roundRobin } from "./round-robin/round-robin.ts";
import { subset } from "./subset/subset.ts";
import { wrrLocality } from "./wrr-locality/wrr-locality.ts";

export function loadBalancerFactories(): readonly LoadBalancerFactory[] {
  return [
    roundRobin,
    leastRequest,
    random,
    ringHash,
    maglev,
    subset,
    clientSideWeightedRoundRobin,
    wrrLocality,
    peakEwma,
    clusterProvided,
  ];
}
