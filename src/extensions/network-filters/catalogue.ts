/** Every network filter, one line each: the line says what it depends on. */
import type { CompileContext } from "../../config/compile-context.ts";
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { NetworkFilterType } from "../../network/network-filter.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import type { DataSource } from "../../proto/generated/envoy/config/core/v3.ts";
import type { ClusterManager } from "../../upstream/cluster.ts";
import type { LimiterSlots } from "../../upstream/limiter-slots.ts";
import { connectionLimit } from "./connection-limit/connection-limit.ts";
import { directResponse } from "./direct-response/direct-response.ts";
import { echo } from "./echo/echo.ts";
import { httpConnectionManager } from "./http-connection-manager/http-connection-manager.ts";
import type { HttpServices } from "./http-connection-manager/http-services.ts";
import { localRateLimit } from "./local-ratelimit/local-ratelimit.ts";
import { sniCluster } from "./sni-cluster/sni-cluster.ts";
import { tcpProxy } from "./tcp-proxy/tcp-proxy.ts";

/** What network filters may need. */
export interface NetworkFilterServices {
  readonly http: HttpServices;
  readonly dispatcher: Dispatcher;
  readonly clusters: ClusterManager;
  readonly runtime: RuntimeSnapshot;
  /** Limits of filters, exact over all data planes. */
  readonly limiters: LimiterSlots;
  /** Bytes of a file or environment variable; null after reporting what is wrong. */
  readDataSource(source: DataSource, context: CompileContext): Uint8Array | null;
}

export function networkFilters(services: NetworkFilterServices): readonly NetworkFilterType[] {
  const { http, dispatcher, clusters, runtime, limiters } = services;
  return [
    httpConnectionManager(http, clusters),
    tcpProxy({
      dispatcher,
      clusters,
      compileAccessLog: (message, context) => http.compileAccessLog(message, context),
      createAccessLogger: (config) => http.createAccessLogger(config),
    }),
    echo(),
    directResponse(services),
    sniCluster(),
    connectionLimit({ dispatcher, runtime, limiters }),
    localRateLimit({ time: dispatcher, runtime, limiters }),
  ];
}
