// Clusters that choose hosts themselves: an aggregate of three clusters.
import { EMPTY_CONTEXT } from "../../../../../src/upstream/load-balancer.ts";
import { staticMessage, upstreamFixture } from "../../../../../test/upstream/upstream-fixture.ts";
import { bench } from "../../../../kit/micro.ts";

const fixture = upstreamFixture();
for (const name of ["a", "b", "d"]) fixture.add({ ...staticMessage([1000, 1001]), name });
fixture.add({
  name: "c",
  lbPolicy: "CLUSTER_PROVIDED",
  clusterType: {
    name: "envoy.clusters.aggregate",
    typedConfig: {
      typeUrl: "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
      value: { clusters: ["a", "b", "d"] },
    },
  },
});
const aggregate = fixture.cluster("c");
bench("AggregateLoadBalancer, 3 clusters", () => aggregate.chooseHost(EMPTY_CONTEXT), {
  // 32-bit random numbers may not fit a small integer: one of the aggregate, one of the cluster.
  allocatedBytesMax: 64,
});
