/** Every HTTP filter, one line each: the line says what it depends on. */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { HttpFilterType } from "../../http/http-filter-factory.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import type { ClusterManager } from "../../upstream/cluster.ts";
import type { LimiterSlots } from "../../upstream/limiter-slots.ts";
import type { DnsCaches } from "../common/dynamic-forward-proxy/dns-caches.ts";
import type { SessionStateType } from "../common/session-state.ts";
import type { FormatServices } from "../common/substitution-format.ts";
import { bufferFilter } from "./buffer/buffer.ts";
import { cors } from "./cors/cors.ts";
import { csrf } from "./csrf/csrf.ts";
import { dynamicForwardProxy } from "./dynamic-forward-proxy/dynamic-forward-proxy.ts";
import { fault } from "./fault/fault.ts";
import { headerMutation } from "./header-mutation/header-mutation.ts";
import { healthCheck } from "./health-check/health-check.ts";
import { httpLocalRateLimit } from "./local-ratelimit/local-ratelimit.ts";
import type { UpstreamLogServices } from "./router/config.ts";
import { router } from "./router/router.ts";
import { setFilterState } from "./set-filter-state/set-filter-state.ts";
import { setMetadata } from "./set-metadata/set-metadata.ts";
import { statefulSession } from "./stateful-session/stateful-session.ts";

/** What HTTP filters may need. */
export interface HttpFilterServices extends FormatServices, UpstreamLogServices {
  readonly clusters: ClusterManager;
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
  /** Admin: `/healthcheck/fail`. */
  healthCheckFailed(): boolean;
  /** `node.cluster`. */
  readonly serviceCluster: string;
  /** `cluster_manager.local_cluster_name`; "" without one. */
  readonly localCluster: string;
  /** The machine's own IP address. */
  readonly localAddress: string;
  /** Limits of filters, exact over all data planes. */
  readonly limiters: LimiterSlots;
  /** Shared with clusters. */
  readonly dnsCaches: DnsCaches;
  readonly sessionStates: readonly SessionStateType[];
}

export function httpFilters(services: HttpFilterServices): readonly HttpFilterType[] {
  const { runtime, formats, dispatcher, limiters } = services;
  const draw = { runtime, random: dispatcher.random };
  return [
    router(services.clusters, dispatcher, () => runtime, services, services.localAddress),
    headerMutation(formats),
    cors(draw),
    csrf(draw),
    fault({ ...draw, limiters }),
    bufferFilter(),
    httpLocalRateLimit({
      draw,
      limiters,
      formats,
      time: dispatcher,
      serviceCluster: services.serviceCluster,
      localCluster: services.localCluster,
      clusters: services.clusters,
    }),
    healthCheck(services),
    setMetadata(),
    setFilterState(services),
    dynamicForwardProxy(services.dnsCaches),
    statefulSession({ states: services.sessionStates, time: dispatcher }),
  ];
}
