// Finding the host of an ORIGINAL_DST cluster by a header, among 1,000 hosts.
import { RequestHeaderMap } from "../../../../../src/codec/header-map.ts";
import { headerName } from "../../../../../src/codec/header-names.ts";
import { EMPTY_CONTEXT } from "../../../../../src/upstream/load-balancer.ts";
import { upstreamFixture } from "../../../../../test/upstream/upstream-fixture.ts";
import { bench } from "../../../../kit/micro.ts";

const fixture = upstreamFixture();
fixture.add({
  name: "c",
  type: "ORIGINAL_DST",
  lbPolicy: "CLUSTER_PROVIDED",
  originalDstLbConfig: { useHttpHeader: true },
});
const cluster = fixture.cluster("c");
const contexts = Array.from({ length: 1000 }, (_, index) => {
  const requestHeaders = new RequestHeaderMap();
  requestHeaders.add(
    headerName("x-envoy-original-dst-host"),
    `10.0.${index >> 8}.${index & 255}:80`,
  );
  return { ...EMPTY_CONTEXT, requestHeaders };
});
let next = 0;
bench(
  "OriginalDstLoadBalancer, by header",
  () => {
    next = (next + 1) % contexts.length;
    return cluster.chooseHost(contexts[next]!);
  },
  // The address, its parts and its text.
  { allocatedBytesMax: 400 },
);
