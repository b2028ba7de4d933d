/** Requests that go nowhere: no route, an answer of the route itself, no cluster, no host. */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { DirectResponseEntry, RouteEntry } from "../../../route/route.ts";
import { answer, directReply, NO_HOST, NO_ROUTE } from "./replies.ts";
import type { RouterFilter } from "./router-filter.ts";

export function replyNoRoute({ services, callbacks }: RouterFilter): void {
  services.stats.noRoute.inc();
  callbacks.streamInfo.setFlag(ResponseFlag.NoRouteFound);
  callbacks.sendLocalReply(NO_ROUTE);
}

export function replyDirectly(router: RouterFilter, entry: DirectResponseEntry): void {
  const { callbacks } = router;
  const { stats, config } = router.services;
  // Envoy counts redirects here too; its rq_redirect is never counted.
  stats.rqDirectResponse.inc();
  const request = router.headers as RequestHeaderMap;
  const insertOriginalPath = !config.suppressEnvoyHeaders;
  callbacks.sendLocalReply(directReply(entry, request, callbacks, insertOriginalPath));
}

export function replyNoCluster({ services, callbacks, entry }: RouterFilter): void {
  services.stats.noCluster.inc();
  callbacks.streamInfo.setFlag(ResponseFlag.NoClusterFound);
  const status = (entry as RouteEntry).clusterNotFoundStatus;
  callbacks.sendLocalReply({ status, body: "", details: "cluster_not_found" });
}

export function replyNoHost(router: RouterFilter, details: string = NO_HOST.details): void {
  router.callbacks.streamInfo.setFlag(ResponseFlag.NoHealthyUpstream);
  router.counts?.code(503, null, null);
  router.cleanUp();
  answer(router, { ...NO_HOST, details });
}
