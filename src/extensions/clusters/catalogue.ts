/** Every kind of cluster, in one list. */
import type { ClusterFactory } from "../../upstream/discovery.ts";
import { aggregate } from "./aggregate/aggregate.ts";
import { dns, logicalDns, strictDns } from "./dns/dns.ts";
import { eds } from "./eds/eds.ts";
import { originalDstCluster } from "./original-dst/original-dst.ts";
import { staticCluster } from "./static/static.ts";

export function clusterFactories(): readonly ClusterFactory[] {
  return [staticCluster, strictDns, logicalDns, eds, originalDstCluster, dns, aggregate];
}
