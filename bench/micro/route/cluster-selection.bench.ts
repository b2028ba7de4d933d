// Choosing a cluster, hashing a request, looking up filter configs, building a redirect.
import type { RouteAction } from "../../../src/proto/generated/envoy/config/route/v3.ts";
import type { ClusterSelection } from "../../../src/route/cluster-selection.ts";
import type { DirectRoute } from "../../../src/route/direct-route.ts";
import type { HashPolicy } from "../../../src/route/hash-policy.ts";
import { mergeFilterConfigs } from "../../../src/route/per-filter-config.ts";
import type { Route, RouteTable } from "../../../src/route/route.ts";
import type { VirtualHost } from "../../../src/route/virtual-host.ts";
import { oneHost, routeTable, TestRequest } from "../../../test/kit/route-request.ts";
import { bench } from "../../kit/micro.ts";

/** What the operations below go through, for the reader. */
export type Parts = ClusterSelection | HashPolicy | VirtualHost;

const match = { prefix: "/" };
const request = new TestRequest("/users", { headers: { "x-cluster": "c", "x-user": "1234" } });

function table(route: RouteAction): RouteTable {
  return routeTable(oneHost({ match, route }));
}

const clusters = [
  { name: "a", weight: 90 },
  { name: "b", weight: 10 },
];
const weighted = table({ weightedClusters: { clusters } });
bench("weighted clusters", () => weighted.match(request), { allocatedBytesMax: 0 });
const byHeader = table({ clusterHeader: "x-cluster" });
bench("cluster_header", () => byHeader.match(request), { allocatedBytesMax: 0 });

const hashing = table({ cluster: "c", hashPolicy: [{ header: { headerName: "x-user" } }] });
const entry = hashing.match(request)!.entry!;
const addCookie = (): void => {};
bench("hash of a header", () => entry.hash(request.headers, request.streamInfo, addCookie));

const configs = mergeFilterConfigs([new Map([["f", { config: {}, disabled: false }]])]);
bench("per-filter config", (i) => configs.get(i % 2 === 0 ? "f" : "g"), { allocatedBytesMax: 0 });

const redirecting: Route = routeTable(oneHost({ match, redirect: { httpsRedirect: true } })).match(
  request,
)!;
const redirect = redirecting.directResponse as DirectRoute;
bench("location of a redirect", () => redirect.newUri(request.headers));
