/**
 * Pairs a downstream connection with an upstream one. Envoy: `envoy.filters.network.tcp_proxy`
 * (source/common/tcp_proxy/tcp_proxy.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import { defineNetworkFilter, type NetworkFilterType } from "../../../network/network-filter.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { AccessLog } from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { TcpProxy } from "../../../proto/generated/envoy/extensions/filters/network/tcp_proxy/v3.ts";
import { createTcpProxyStats } from "../../../stats/groups/tcp-proxy-stats.ts";
import type { ClusterManager } from "../../../upstream/cluster.ts";
import { compileTcpProxy, type TcpProxyConfig } from "./config.ts";
import { TcpProxyFilter } from "./tcp-proxy-filter.ts";
import { StatsLease } from "./upstream-side.ts";

export interface TcpProxyServices {
  readonly dispatcher: Dispatcher;
  readonly clusters: ClusterManager;
  compileAccessLog(message: AccessLog, context: CompileContext): object | null;
  createAccessLogger(config: object): AccessLogger;
}

const NAME = "envoy.filters.network.tcp_proxy";

export function tcpProxy(services: TcpProxyServices): NetworkFilterType {
  return defineNetworkFilter<TcpProxy, TcpProxyConfig>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"],
    terminal: true,
    compile: (message, context) =>
      compileTcpProxy(message, (log, at) => services.compileAccessLog(log, at), context),
    createFactory: (config, { rootStats }) => {
      const scope = rootStats.scope("tcp");
      const runtime = {
        config,
        dispatcher: services.dispatcher,
        clusters: services.clusters,
        stats: createTcpProxyStats(scope.scope(config.statPrefix)),
        // An upstream half may outlive its filter chain while it flushes.
        statsLease: new StatsLease(() => scope.remove()),
        loggers: config.accessLogs.map((log) => services.createAccessLogger(log)),
      };
      return {
        name: NAME,
        create: (callbacks) => new TcpProxyFilter(runtime, callbacks),
        close: () => runtime.statsLease.release(),
      };
    },
  });
}
