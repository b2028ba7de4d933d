// Random configurations of the simulated proxy, one version after the other. Everything that a
// version's routes add to a message carries the number of the version.
import type { Bootstrap } from "../../src/proto/generated/envoy/config/bootstrap/v3.ts";
import type { Cluster } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { HeaderValueOption } from "../../src/proto/generated/envoy/config/core/v3.ts";
import type { Filter, Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import type {
  Route,
  RouteAction,
  RouteConfiguration,
  VirtualHost,
} from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { HttpConnectionManager } from "../../src/proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { TcpProxy } from "../../src/proto/generated/envoy/extensions/filters/network/tcp_proxy/v3.ts";
import type { AnyMessage, Duration } from "../../src/proto/plain.ts";
import type { SeededRandom } from "../kit/seeded-random.ts";

export const HTTP_PORTS: readonly number[] = [8080, 8081];
export const TCP_PORT = 9000;
export const HTTP_UPSTREAMS: readonly number[] = [1001, 1002, 1003, 1004];
export const TCP_UPSTREAMS: readonly number[] = [1101, 1102];
export const CLUSTERS: readonly string[] = ["c0", "c1", "c2"];
export const ROUTES_FILE = "/routes.json";
export const HTTP_LOG = "/log/http";
export const TCP_LOG = "/log/tcp";
/** Fields of a line of HTTP_LOG, separated by "|". */
export const HTTP_LOG_FORMAT =
  "%REQ(X-ID)%|%RESPONSE_CODE%|%RESPONSE_FLAGS%|%RESP(X-CONFIG)%|%RESP(X-HOST)%|%RESP(X-ROUTE)%|%RESPONSE_CODE_DETAILS%\n";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";

const INSPECTORS = ["tls_inspector.v3.TlsInspector", "http_inspector.v3.HttpInspector"].map(
  (name) => ({ name, typedConfig: any(`filters.listener.${name}`, {}) }),
);

/** What stays the same in all versions of one world. */
export interface ConfigTraits {
  /** Routes come from a file of their own instead of standing in the listener. */
  readonly routesFromFile: boolean;
  readonly pathNormalization: boolean;
}

/** One version. */
export interface Generated {
  readonly bootstrap: Bootstrap;
  readonly routes: RouteConfiguration;
  readonly httpPorts: readonly number[];
  readonly tcp: boolean;
}

export class ConfigGenerator {
  private readonly random: SeededRandom;
  readonly traits: ConfigTraits;
  private clusters: readonly Cluster[] = [];
  private manager: HttpConnectionManager;
  /** Network filters before HTTP. */
  private guards: readonly Filter[] = [];
  private inspects = false;
  private ports: readonly number[] = HTTP_PORTS;
  private tcp = true;
  private version = 0;

  constructor(random: SeededRandom) {
    this.random = random;
    this.traits = { routesFromFile: random.chance(0.4), pathNormalization: random.chance(0.5) };
    this.manager = this.randomManager();
    this.guards = this.randomGuards();
    this.inspects = random.chance(0.2);
    this.clusters = CLUSTERS.map((name) => this.randomCluster(name));
  }

  /** The next version: some parts change, others stay as they were. */
  next(): Generated {
    const { random } = this;
    this.version++;
    if (this.version > 1) {
      if (random.chance(0.3)) this.manager = this.randomManager();
      if (random.chance(0.3))
        this.ports = random.chance(0.5) ? HTTP_PORTS : [random.pick(HTTP_PORTS)];
      if (random.chance(0.2)) this.tcp = !this.tcp;
      if (random.chance(0.2)) this.guards = this.randomGuards();
      if (random.chance(0.5)) this.clusters = this.changedClusters();
    }
    const routes = this.randomRoutes();
    const listeners = this.ports.map((port) => this.httpListener(port, routes));
    if (this.tcp) listeners.push(this.tcpListener());
    const clusters = [...this.clusters, tcpCluster()];
    const bootstrap = { staticResources: { clusters, listeners } };
    return { bootstrap, routes, httpPorts: this.ports, tcp: this.tcp };
  }

  /** New routes alone, for the file. */
  nextRoutes(): RouteConfiguration {
    this.version++;
    return this.randomRoutes();
  }

  private changedClusters(): Cluster[] {
    const kept = CLUSTERS.filter(() => this.random.chance(0.8));
    const names = kept.length > 0 ? kept : ["c0"];
    return names.map((name) => {
      const before = this.clusters.find((one) => one.name === name);
      return before !== undefined && this.random.chance(0.5) ? before : this.randomCluster(name);
    });
  }

  private randomCluster(name: string): Cluster {
    const { random } = this;
    const hosts = HTTP_UPSTREAMS.filter(() => random.chance(0.6));
    const ports = hosts.length > 0 ? hosts : [HTTP_UPSTREAMS[0]!];
    const tight = random.chance(0.3);
    return {
      name,
      type: "STATIC",
      connectTimeout: ms(random.pick([50, 250, 2000])),
      lbPolicy: random.pick(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"]),
      perConnectionBufferLimitBytes: random.pick([1024, 16384, 1048576]),
      loadAssignment: assignment(name, ports),
      ...(tight
        ? {
            circuitBreakers: {
              thresholds: [
                {
                  priority: "DEFAULT",
                  maxConnections: 1 + random.below(3),
                  maxPendingRequests: 1 + random.below(3),
                  maxRequests: 1 + random.below(4),
                },
              ],
            },
          }
        : {}),
      ...(random.chance(0.4)
        ? {
            typedExtensionProtocolOptions: {
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
                "upstreams.http.v3.HttpProtocolOptions",
                {
                  commonHttpProtocolOptions: {
                    idleTimeout: ms(random.pick([100, 3000])),
                    maxRequestsPerConnection: 1 + random.below(4),
                  },
                  explicitHttpConfig: { httpProtocolOptions: {} },
                },
              ),
            },
          }
        : {}),
    };
  }

  private randomManager(): HttpConnectionManager {
    const { random } = this;
    const common = {
      idleTimeout: ms(random.pick([300, 5000, 60000])),
      ...(random.chance(0.2) ? { maxConnectionDuration: ms(random.pick([500, 8000])) } : {}),
      ...(random.chance(0.2) ? { maxStreamDuration: ms(random.pick([300, 5000])) } : {}),
      ...(random.chance(0.2) ? { maxRequestsPerConnection: 1 + random.below(4) } : {}),
    };
    return {
      streamIdleTimeout: ms(random.pick([400, 3000, 20000])),
      ...(random.chance(0.3) ? { requestTimeout: ms(random.pick([200, 3000])) } : {}),
      ...(random.chance(0.3) ? { requestHeadersTimeout: ms(random.pick([100, 2000])) } : {}),
      ...(random.chance(0.3) ? { drainTimeout: ms(random.pick([10, 1000])) } : {}),
      ...(random.chance(0.3) ? { delayedCloseTimeout: ms(random.pick([1, 200])) } : {}),
      commonHttpProtocolOptions: common,
      httpProtocolOptions: { acceptHttp10: random.chance(0.7), enableTrailers: random.chance(0.5) },
      streamErrorOnInvalidHttpMessage: random.chance(0.3),
      ...(random.chance(0.7) ? { upgradeConfigs: [{ upgradeType: "websocket" }] } : {}),
      proxy100Continue: random.chance(0.3),
      normalizePath: this.traits.pathNormalization,
      httpFilters: this.randomFilters(),
    };
  }

  private randomGuards(): Filter[] {
    const { random } = this;
    const guards: Filter[] = [];
    if (random.chance(0.15)) {
      const limit = { statPrefix: "limit", maxConnections: 1 + random.below(4), delay: ms(100) };
      const typedConfig = any("filters.network.connection_limit.v3.ConnectionLimit", limit);
      guards.push({ name: "limit", typedConfig });
    }
    if (random.chance(0.15)) {
      const tokenBucket = { maxTokens: 2, tokensPerFill: 1, fillInterval: ms(500) };
      const rate = { statPrefix: "rate", tokenBucket };
      const typedConfig = any("filters.network.local_ratelimit.v3.LocalRateLimit", rate);
      guards.push({ name: "rate", typedConfig });
    }
    return guards;
  }

  private randomFilters(): NonNullable<HttpConnectionManager["httpFilters"]> {
    const { random } = this;
    const filters = [{ name: "router", typedConfig: any("filters.http.router.v3.Router", {}) }];
    if (random.chance(0.25)) {
      const maxRequestBytes = random.pick([100, 20000, 1000000]);
      filters.unshift({
        name: "buffer",
        typedConfig: any("filters.http.buffer.v3.Buffer", { maxRequestBytes }),
      });
    }
    if (random.chance(0.25)) {
      filters.unshift({
        name: "health",
        typedConfig: any("filters.http.health_check.v3.HealthCheck", {
          passThroughMode: false,
          headers: [{ name: ":path", stringMatch: { exact: "/health" } }],
        }),
      });
    }
    return filters;
  }

  private httpListener(port: number, routes: RouteConfiguration): Listener {
    const source = this.traits.routesFromFile
      ? {
          rds: {
            routeConfigName: "routes",
            configSource: { pathConfigSource: { path: ROUTES_FILE } },
          },
        }
      : { routeConfig: routes };
    const manager: HttpConnectionManager = {
      statPrefix: `web${port}`,
      ...this.manager,
      ...source,
      accessLog: [fileLog(HTTP_LOG, HTTP_LOG_FORMAT)],
    };
    return {
      name: `web${port}`,
      address: address(port),
      ...(this.inspects ? { listenerFilters: INSPECTORS } : {}),
      perConnectionBufferLimitBytes: port === 8080 ? 2000 : 1048576,
      filterChains: [
        {
          filters: [
            ...this.guards,
            {
              name: "http",
              typedConfig: any(
                "filters.network.http_connection_manager.v3.HttpConnectionManager",
                manager,
              ),
            },
          ],
        },
      ],
    };
  }

  private tcpListener(): Listener {
    const proxy: TcpProxy = {
      statPrefix: "tcp",
      cluster: "tcp",
      idleTimeout: ms(5000),
      maxConnectAttempts: 2,
      accessLog: [fileLog(TCP_LOG, "%RESPONSE_FLAGS%|%BYTES_RECEIVED%|%BYTES_SENT%\n")],
    };
    return {
      name: "tcp",
      address: address(TCP_PORT),
      perConnectionBufferLimitBytes: 4096,
      filterChains: [
        {
          filters: [
            ...this.guards,
            { name: "tcp", typedConfig: any("filters.network.tcp_proxy.v3.TcpProxy", proxy) },
          ],
        },
      ],
    };
  }

  private randomRoutes(): RouteConfiguration {
    const version = String(this.version);
    const hosts: VirtualHost[] = [
      { name: "one", domains: ["one"], routes: this.routeList(version), ...marks("host", version) },
      { name: "all", domains: ["*"], routes: this.routeList(version), ...marks("host", version) },
    ];
    return { name: "routes", virtualHosts: hosts, ...marks("config", version) };
  }

  private routeList(version: string): Route[] {
    const { random } = this;
    const names = this.clusters.map(({ name }) => name ?? "");
    const marked = marks("route", version);
    const forwards = names.map((cluster) => ({
      match: { prefix: `/${cluster}/` },
      route: { cluster, ...this.randomAction() },
      ...marked,
    }));
    const weighted = names.map((name) => ({ name, weight: 1 + random.below(5) }));
    const split = {
      match: { prefix: "/w/" },
      route: { weightedClusters: { clusters: weighted }, ...this.randomAction() },
      ...marked,
    };
    const direct = {
      match: { prefix: "/direct/" },
      directResponse: { status: 203, body: { inlineString: `direct ${version}` } },
      ...marked,
    };
    const redirect = { match: { prefix: "/old/" }, redirect: { pathRedirect: "/new" }, ...marked };
    const all: Route[] = [...forwards, split, direct, redirect];
    return random.chance(0.5) ? all.reverse() : all;
  }

  private randomAction(): RouteAction {
    const { random } = this;
    return {
      timeout: ms(random.pick([0, 100, 2000, 15000])),
      ...(random.chance(0.2) ? { idleTimeout: ms(random.pick([100, 4000])) } : {}),
      ...(random.chance(0.1) ? { maxStreamDuration: { maxStreamDuration: ms(1500) } } : {}),
      ...(random.chance(0.3) ? { prefixRewrite: "/rewritten/" } : {}),
    };
  }
}

/** Headers that name the version, on the way up (x-q-…) and down (x-…). */
function marks(
  level: string,
  version: string,
): { requestHeadersToAdd: HeaderValueOption[]; responseHeadersToAdd: HeaderValueOption[] } {
  return {
    requestHeadersToAdd: [header(`x-q-${level}`, version)],
    responseHeadersToAdd: [header(`x-${level}`, version)],
  };
}

function header(key: string, value: string): HeaderValueOption {
  return { header: { key, value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" };
}

function tcpCluster(): Cluster {
  return {
    name: "tcp",
    type: "STATIC",
    connectTimeout: ms(250),
    perConnectionBufferLimitBytes: 4096,
    loadAssignment: assignment("tcp", TCP_UPSTREAMS),
  };
}

function assignment(
  clusterName: string,
  ports: readonly number[],
): Cluster["loadAssignment"] & object {
  const lbEndpoints = ports.map((port) => ({ endpoint: { address: address(port) } }));
  return { clusterName, endpoints: [{ lbEndpoints }] };
}

function address(portValue: number): { socketAddress: { address: string; portValue: number } } {
  return { socketAddress: { address: "127.0.0.1", portValue } };
}

function fileLog(path: string, inlineString: string): { name: string; typedConfig: AnyMessage } {
  const logFormat = { textFormatSource: { inlineString } };
  return {
    name: "file",
    typedConfig: any("access_loggers.file.v3.FileAccessLog", { path, logFormat }),
  };
}

function any(name: string, value: object): AnyMessage {
  return { typeUrl: `${EXTENSIONS}.${name}`, value };
}

function ms(total: number): Duration {
  return { seconds: Math.floor(total / 1000), nanos: (total % 1000) * 1_000_000 };
}
