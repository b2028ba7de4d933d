/** Every kind of cluster, in one list. */
import type { ClusterFactory } from "../../upstream/discovery.ts";
import type { DnsCaches } from "../common/dynamic-forward-proxy/dns-caches.ts";
import { aggregate } from "./aggregate/aggregate.ts";
import { dns, logicalDns, strictDns } from "./dns/dns.ts";
import { dynamicForwardProxyCluster } from "./dynamic-forward-proxy/dynamic-forward-proxy.ts";
import { eds } from "./eds/eds.ts";
import { originalDstCluster } from "./original-dst/original-dst.ts";
import { staticCluster } from "./static/static.ts";

/** What kinds of clusters may need. */
export interface ClusterServices {
  readonly dnsCaches: DnsCaches;
}

export function clusterFactories({ dnsCaches }: ClusterServices): readonly ClusterFactory[] {
  return [
    staticCluster,
    strictDns,
    logicalDns,
    eds,
    originalDstCluster,
    dns,
    aggregate,
    dynamicForwardProxyCluster(dnsCaches),
  ];
}
