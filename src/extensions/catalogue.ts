/**
 * Everything configuration can name, as lists. Built once per data plane, in layer order; nothing
 * registers itself.
 */
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { AccessLogger } from "../http/access-log.ts";
import { HttpFilterCatalogue } from "../http/http-filter-catalogue.ts";
import type { RouteSubscriptions } from "../http/route-subscriptions.ts";
import type { ConnectionLogCompiler } from "../network/connection-log.ts";
import type { ListenerFilterType } from "../network/listener-filter.ts";
import type { NetworkFilterType } from "../network/network-filter.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { DnsResolver } from "../platform/dns.ts";
import type { Files } from "../platform/files.ts";
import type { HostEnvironment } from "../platform/host-environment.ts";
import type { Http2Clients } from "../platform/http2-client.ts";
import type { RouteServices } from "../route/route-services.ts";
import { createFilesystemStats } from "../stats/groups/filesystem-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { ClusterManager } from "../upstream/cluster.ts";
import type { ClusterFactory } from "../upstream/discovery.ts";
import type { HealthCheckCatalogues } from "../upstream/health/health-check-config.ts";
import type { LimiterSlots } from "../upstream/limiter-slots.ts";
import type { LoadBalancerFactory } from "../upstream/load-balancer.ts";
import { accessLoggers } from "./access-loggers/catalogue.ts";
import type { FileLoggerServices } from "./access-loggers/file/file.ts";
import { clusterFactories } from "./clusters/catalogue.ts";
import { AccessLogs } from "./common/access-log/access-logs.ts";
import { StatedLogFiles } from "./common/access-log/log-files.ts";
import { readDataSource } from "./common/data-source.ts";
import { DnsCaches } from "./common/dynamic-forward-proxy/dns-caches.ts";
import type { FormatServices } from "./common/substitution-format.ts";
import { SubstitutionFormatParser } from "./formatters/format-parser.ts";
import { healthEventSinks } from "./health-check-event-sinks/catalogue.ts";
import { healthCheckers } from "./health-checkers/catalogue.ts";
import { httpFilters } from "./http-filters/catalogue.ts";
import type { UpstreamLogServices } from "./http-filters/router/config.ts";
import { listenerFilters } from "./listener-filters/catalogue.ts";
import { loadBalancerFactories } from "./load-balancers/catalogue.ts";
import { networkFilters } from "./network-filters/catalogue.ts";
import type { NodeFacts } from "./network-filters/http-connection-manager/forwarding.ts";
import { compileLocalReplies } from "./network-filters/http-connection-manager/local-replies.ts";
import { routeExtensions } from "./route-extensions.ts";
import { sessionStates } from "./session-states/catalogue.ts";

/** What extensions may need from their data plane. */
export interface CatalogueServices {
  readonly dispatcher: Dispatcher;
  readonly clusters: ClusterManager;
  readonly runtime: RuntimeSnapshot;
  readonly files: Files;
  readonly http2: Http2Clients;
  readonly host: HostEnvironment;
  readonly stats: StatsScope;
  readonly node: NodeFacts;
  /** `cluster_manager.local_cluster_name`; "" without one. */
  readonly localCluster: string;
  readonly routeSubscriptions: RouteSubscriptions;
  /** Clusters that static routes may name; null when any name may appear later. */
  readonly clusterNames: () => ReadonlySet<string> | null;
  readonly logFlushIntervalMs: number;
  /** Admin: `/healthcheck/fail`. */
  readonly healthCheckFailed: () => boolean;
  /** See every request, besides the configured access logs. */
  readonly requestLogs: readonly AccessLogger[];
  /** Limits of filters, exact over all data planes. */
  readonly limiters: LimiterSlots;
  readonly dns: DnsResolver;
}

export interface Catalogue {
  readonly clusters: readonly ClusterFactory[];
  readonly loadBalancers: readonly LoadBalancerFactory[];
  readonly healthChecks: HealthCheckCatalogues;
  readonly listenerFilters: readonly ListenerFilterType[];
  readonly networkFilters: readonly NetworkFilterType[];
  readonly connectionLogs: ConnectionLogCompiler | null;
  /** For the admin interface. */
  readonly accessLogs: AccessLogs;
}

export function buildCatalogue(services: CatalogueServices): Catalogue {
  const { dispatcher, clusters, runtime, host } = services;
  const formatServices = createFormatServices(services);
  const { formats, readData } = formatServices;
  const filterServices = { runtime, random: dispatcher.random };
  const files = openLogFiles(services);
  const appendProblem = (path: string): string | null => host.appendProblem(path);
  const loggers = { ...formatServices, files, appendProblem };
  const accessLogs = new AccessLogs(accessLoggers(loggers), filterServices);
  const replyServices = { ...formatServices, ...filterServices };
  const logServices = createLogServices(accessLogs);
  const dnsCaches = new DnsCaches(services);
  const filterParts = { formats: formatServices, logs: logServices, dnsCaches };
  const filters = createHttpFilters(services, filterParts);
  const routes = (): RouteServices => ({
    runtime,
    formats,
    extensions: routeExtensions(),
    filters,
    time: dispatcher,
    readDataSource: readData,
    clusterNames: services.clusterNames(),
    validateClusters: true,
  });
  return {
    clusters: clusterFactories({ dnsCaches }),
    loadBalancers: loadBalancerFactories(),
    healthChecks: createHealthChecks(loggers, services.http2),
    listenerFilters: listenerFilters(),
    networkFilters: networkFilters({
      http: {
        dispatcher,
        runtime,
        node: services.node,
        filters,
        routes,
        routeSubscriptions: services.routeSubscriptions,
        ...logServices,
        requestLogs: services.requestLogs,
        compileLocalReplies: (message, context) =>
          compileLocalReplies(message, replyServices, context),
      },
      dispatcher,
      clusters,
      runtime,
      limiters: services.limiters,
      readDataSource: readData,
    }),
    connectionLogs: accessLogs,
    accessLogs,
  };
}

function createHealthChecks(
  services: FileLoggerServices,
  http2: Http2Clients,
): HealthCheckCatalogues {
  return {
    checkers: healthCheckers({ formats: services.formats, http2 }),
    eventSinks: healthEventSinks(services),
  };
}

/** Log files of one data plane, counted in `filesystem.*`. */
interface HttpFilterParts {
  readonly formats: FormatServices;
  readonly logs: UpstreamLogServices;
  readonly dnsCaches: DnsCaches;
}

function createHttpFilters(
  services: CatalogueServices,
  { formats, logs, dnsCaches }: HttpFilterParts,
): HttpFilterCatalogue {
  const { serviceCluster, localAddress } = services.node;
  const own = { serviceCluster, localAddress, sessionStates: sessionStates(), dnsCaches };
  return new HttpFilterCatalogue(httpFilters({ ...services, ...formats, ...logs, ...own }));
}

export function openLogFiles({
  files,
  logFlushIntervalMs,
  stats,
}: Pick<CatalogueServices, "files" | "logFlushIntervalMs" | "stats">): StatedLogFiles {
  const filesystem = createFilesystemStats(stats.scope("filesystem"));
  return new StatedLogFiles(files, logFlushIntervalMs, filesystem);
}

function createFormatServices({ host, dispatcher }: CatalogueServices): FormatServices {
  const { random } = dispatcher;
  return {
    formats: new SubstitutionFormatParser({ host, time: dispatcher, random }),
    readData: (source, context) => readDataSource(source, host, context),
  };
}

function createLogServices(logs: AccessLogs): UpstreamLogServices {
  return {
    compileAccessLog: (message, context) => logs.compile(message, context),
    createAccessLogger: (compiled) => logs.createLogger(compiled),
  };
}
