/** Every kind of cluster, in one list. */
import type { ClusterFactory } from "../../upstream/discovery.ts";
import { staticCluster } from "./static/static.ts";

export function clusterFactories(): readonly ClusterFactory[] {
  return [staticCluster];
}
