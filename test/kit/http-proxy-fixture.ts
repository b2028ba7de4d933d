// Listener, connection manager, router and cluster on simulated time and a network in memory: the
// whole HTTP path, with clients and upstreams that a test plays by hand.
import assert from "node:assert/strict";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../src/config/runtime.ts";
import type { UpstreamLogServices } from "../../src/extensions/http-filters/router/config.ts";
import { router } from "../../src/extensions/http-filters/router/router.ts";
import { httpConnectionManager } from "../../src/extensions/network-filters/http-connection-manager/http-connection-manager.ts";
import { routeExtensions } from "../../src/extensions/route-extensions.ts";
import { HttpFilterCatalogue } from "../../src/http/http-filter-catalogue.ts";
import type { HttpFilterType } from "../../src/http/http-filter-factory.ts";
import { PLAIN_LOCAL_REPLIES } from "../../src/http/local-reply.ts";
import { shortFlags } from "../../src/network/response-flags.ts";
import type { Cluster as ClusterMessage } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import type { RouteConfiguration } from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { HttpConnectionManager } from "../../src/proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { FormatterContext } from "../../src/route/formatter.ts";
import type { ClusterManager } from "../../src/upstream/cluster.ts";
import {
  staticMessage,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../upstream/upstream-fixture.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "./listener-fixture.ts";
import type { MemoryClient, MemoryClientOptions } from "./memory-client.ts";

/** Routers of this fixture keep no logs of upstream attempts. */
export const NO_UPSTREAM_LOGS: UpstreamLogServices = {
  compileAccessLog: (_message, context) =>
    context.error("No upstream logs in this test", "do otherwise"),
  createAccessLogger: () => ({ log: () => undefined }),
};

export const PROXY_PORT = 8080;
export const UPSTREAM_PORT = 9001;
const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";

export interface HttpProxyOptions {
  /** Fields of the connection manager. */
  readonly manager?: Partial<HttpConnectionManager>;
  readonly routes?: RouteConfiguration;
  readonly cluster?: Partial<ClusterMessage>;
  readonly listener?: Listener;
  /** Filters before the router, as types; each is configured once, in this order. */
  readonly filters?: readonly HttpFilterType[];
  readonly router?: object;
  readonly runtime?: RuntimeSnapshot;
  /** Stands between router and clusters: to delay a lookup. */
  readonly clusters?: (real: ClusterManager) => ClusterManager;
}

/** Everything goes to cluster `c`. */
export function allTo(route: object = {}): RouteConfiguration {
  return {
    name: "r",
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [{ match: { prefix: "/" }, route: { cluster: "c", ...route } }],
      },
    ],
  };
}

export class HttpProxyFixture {
  readonly upstreams: UpstreamFixture;
  readonly listeners: ListenerFixture;
  /** One line per access-log record: `200 via_upstream UF c 127.0.0.1:9001`. */
  readonly logs: string[] = [];
  readonly contexts: FormatterContext[] = [];
  readonly server: TestUpstream = new TestUpstream();

  private constructor(options: HttpProxyOptions) {
    const runtime = options.runtime ?? DEFAULT_RUNTIME;
    const upstreams = upstreamFixture({ runtime });
    this.upstreams = upstreams;
    const { time, network, dispatcher, store, manager: real } = upstreams;
    const clusters = options.clusters?.(real) ?? real;
    const own = options.filters ?? [];
    const forwarding = router(clusters, dispatcher, () => runtime, NO_UPSTREAM_LOGS, "127.0.0.1");
    const filters = new HttpFilterCatalogue([...own, forwarding]);
    const http = httpConnectionManager(
      {
        dispatcher,
        runtime,
        node: { serviceCluster: "", serviceNode: "", localAddress: "" },
        filters,
        routes: () => ({
          runtime,
          formats: { parseText: (text) => ({ format: () => text }), parseJson: () => null },
          filters,
          extensions: routeExtensions(),
          time: dispatcher,
          readDataSource: () => null,
          clusterNames: null,
          validateClusters: false,
        }),
        routeSubscriptions: { subscribe: () => () => undefined },
        compileAccessLog: () => ({}),
        createAccessLogger: () => ({ log: (context) => this.record(context) }),
        requestLogs: [],
        compileLocalReplies: () => PLAIN_LOCAL_REPLIES,
      },
      clusters,
    );
    this.listeners = new ListenerFixture(
      { networkFilters: [http] },
      { time, network, dispatcher, store },
    );
  }

  static async start(options: HttpProxyOptions = {}): Promise<HttpProxyFixture> {
    const proxy = new HttpProxyFixture(options);
    proxy.upstreams.add(staticMessage([UPSTREAM_PORT], options.cluster));
    const own = (options.filters ?? []).map(({ name, messages }) => ({
      name,
      typedConfig: { typeUrl: `type.googleapis.com/${messages[0]}`, value: {} },
    }));
    const message: HttpConnectionManager = {
      statPrefix: "in",
      routeConfig: options.routes ?? allTo(),
      generateRequestId: false,
      accessLog: [{ name: "log" }],
      ...options.manager,
      httpFilters: [...own, { ...filterMessage(ROUTER, options.router), name: "router" }],
    };
    const listener = listenerMessage(PROXY_PORT, [filterMessage(MANAGER, message)]);
    const found = await proxy.listeners.update([{ ...listener, ...options.listener }]);
    assert.deepEqual(
      found.filter((line) => !line.startsWith("warning")),
      [],
    );
    await proxy.server.listen(proxy.upstreams.network, UPSTREAM_PORT);
    return proxy;
  }

  connect(options?: MemoryClientOptions): MemoryClient {
    return this.listeners.connect(PROXY_PORT, options);
  }

  /** Connects, sends, lets everything that needs no time happen. */
  async send(text: string): Promise<MemoryClient> {
    const client = this.connect();
    client.send(text);
    await this.settle();
    return client;
  }

  async settle(): Promise<void> {
    await this.upstreams.time.advance(0);
  }

  async advance(ms: number): Promise<void> {
    await this.upstreams.time.advance(ms);
  }

  /** The upstream writes on its first (or given) connection. */
  async answer(text: string, index: number = 0): Promise<void> {
    this.server.answer(index, text);
    await this.settle();
  }

  /** What the upstream received on a connection. */
  received(index: number = 0): string {
    return this.server.received[index] ?? "";
  }

  /** Of `http.in.`. */
  stat(name: string): number {
    return this.listeners.stat(`http.in.${name}`);
  }

  /** Of `cluster.c.`. */
  clusterStat(name: string): number {
    return this.listeners.stat(`cluster.c.${name}`);
  }

  /** Throws that something caught and reported. */
  get bugs(): unknown[] {
    return this.upstreams.time.bugs;
  }

  /** Ends everything; fails on what is left open, armed or counted. */
  async close(): Promise<void> {
    this.upstreams.manager.close(() => undefined);
    this.server.close();
    await this.settle();
    await this.listeners.close();
  }

  private record(context: FormatterContext): void {
    const { streamInfo: info } = context;
    this.contexts.push(context);
    const flags = shortFlags(info) || "-";
    this.logs.push(`${info.responseCode} ${info.responseCodeDetails || "-"} ${flags}`);
  }
}
