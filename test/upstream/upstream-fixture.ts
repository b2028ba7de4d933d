// Clusters of one data plane on simulated time and a network in memory, with a small HTTP/1 server
// behind every address that a test opens.

import type { ResponseDecoder } from "../../src/codec/codec.ts";
import { Http1ClientConnection } from "../../src/codec/h1/client-connection.ts";
import { ResponseParser } from "../../src/codec/h1/response-parser.ts";
import type { ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { RequestHeaderMap } from "../../src/codec/header-map.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../src/config/runtime.ts";
import { clusterFactories } from "../../src/extensions/clusters/catalogue.ts";
import type { LogFiles } from "../../src/extensions/common/access-log/line-logger.ts";
import { DnsCaches } from "../../src/extensions/common/dynamic-forward-proxy/dns-caches.ts";
import { healthEventSinks } from "../../src/extensions/health-check-event-sinks/catalogue.ts";
import { healthCheckers } from "../../src/extensions/health-checkers/catalogue.ts";
import { loadBalancerFactories } from "../../src/extensions/load-balancers/catalogue.ts";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { DnsResolver } from "../../src/platform/dns.ts";
import type { Http2Clients } from "../../src/platform/http2-client.ts";
import type { Socket } from "../../src/platform/sockets.ts";
import type { Cluster as ClusterMessage } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import { StatSlab } from "../../src/stats/slab.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";
import type { Cluster } from "../../src/upstream/cluster.ts";
import { type ClusterConfig, compileCluster } from "../../src/upstream/cluster-config.ts";
import { UpstreamClusterManager } from "../../src/upstream/cluster-manager.ts";
import type {
  HttpPoolCallbacks,
  PoolCancellable,
  PooledUpstreamInfo,
} from "../../src/upstream/connection-pool.ts";
import type { EndpointSubscriptions } from "../../src/upstream/discovery.ts";
import { type EventLogs, NO_EVENT_LOGS } from "../../src/upstream/event-logs.ts";
import type { Host } from "../../src/upstream/host.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../src/upstream/load-balancer.ts";
import { ConnectionIds } from "../../src/upstream/pool/pool-services.ts";
import {
  createSharedUpstreamState,
  openUpstreamSlots,
  type SharedUpstreamState,
  type UpstreamServices,
} from "../../src/upstream/upstream-services.ts";
import { testFormats } from "../extensions/formatters/format-fixture.ts";
import type { GaugeReading } from "../kit/leaks.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import { NO_HTTP2 } from "../kit/no-http2.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";

export const NO_DNS: DnsResolver = {
  resolve: () => {
    throw new Error("no name is resolved in this test");
  },
  withServers: () => NO_DNS,
};

export const NO_ENDPOINTS: EndpointSubscriptions = {
  subscribe: () => {
    throw new Error("no endpoint assignment is subscribed to in this test");
  },
};

const LIVE_GAUGES = ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"];

export interface FixtureOptions extends CompileOptions {
  readonly dns?: DnsResolver;
  readonly endpoints?: EndpointSubscriptions;
  readonly runtime?: RuntimeSnapshot;
  readonly seed?: number;
  readonly state?: SharedUpstreamState;
  readonly dataPlane?: number;
  readonly time?: SimulatedTime;
  readonly network?: MemoryNetwork;
  readonly eventLogs?: EventLogs;
  readonly outlierEventLogPath?: string;
}

export interface UpstreamFixture {
  readonly time: SimulatedTime;
  readonly network: MemoryNetwork;
  readonly dispatcher: Dispatcher;
  readonly store: StatsStore;
  readonly services: UpstreamServices;
  readonly state: SharedUpstreamState;
  readonly manager: UpstreamClusterManager;
  readonly dnsCaches: DnsCaches;
  /** Compiles and adds; throws on diagnostics that refuse the cluster. */
  add(message: ClusterMessage): boolean;
  /** The cluster, which must be there now. */
  cluster(name: string): Cluster;
  /** Gauges that must be zero at the end of a test. */
  liveGauges(): readonly GaugeReading[];
  /** This data plane's value of a counter or gauge. */
  stat(name: string): number;
}

export function upstreamFixture(options: FixtureOptions = {}): UpstreamFixture {
  const time = options.time ?? new SimulatedTime();
  const network = options.network ?? new MemoryNetwork(time);
  const dispatcher = time.dispatcher(new SeededRandom(options.seed ?? 1));
  const store = new StatsStore(new StatSlab());
  const state = options.state ?? createSharedUpstreamState(1);
  const services: UpstreamServices = {
    dispatcher,
    sockets: network,
    connectionIds: new ConnectionIds(),
    createHttp1Client: (connection, callbacks, settings) =>
      new Http1ClientConnection(connection, callbacks, new ResponseParser(settings)),
    dns: options.dns ?? NO_DNS,
    endpoints: options.endpoints ?? NO_ENDPOINTS,
    runtime: options.runtime ?? DEFAULT_RUNTIME,
    slots: openUpstreamSlots(state, options.dataPlane ?? 0),
    eventLogs: options.eventLogs ?? NO_EVENT_LOGS,
    outlierEventLogPath: options.outlierEventLogPath ?? "",
    leader: (options.dataPlane ?? 0) === 0,
    stats: store.root,
    configurationStats: store.root,
  };
  const manager = new UpstreamClusterManager(services);
  const dnsCaches = new DnsCaches({ ...services, limiters: services.slots.limiters });
  return {
    time,
    network,
    dispatcher,
    store,
    services,
    state,
    manager,
    dnsCaches,
    add: (message) => {
      const config = compiled(message, { ...options, dnsCaches });
      // Held here too, so that a test can read them after the cluster is gone.
      const scope = store.root.scope("cluster").scope(config.observabilityName);
      for (const name of LIVE_GAUGES) scope.gauge(name);
      return manager.addOrUpdate(config, "static");
    },
    liveGauges: () =>
      store.slab.entries
        .filter((entry) => LIVE_GAUGES.some((name) => entry?.name.endsWith(`.${name}`)))
        .map((entry) => ({
          name: entry!.name,
          value: store.slab.page(entry!.cell).cells[entry!.cell & 4095]! + 0,
        })),
    cluster: (name) => {
      const lookup = manager.lookup(name);
      if (lookup.kind !== "now") throw new Error(`cluster ${name} is ${lookup.kind}`);
      return lookup.cluster;
    },
    stat: (name) => {
      for (const entry of store.slab.entries) {
        if (entry?.name === name) {
          const page = store.slab.page(entry.cell);
          return (page.cells[entry.cell & 4095] as number) + 0;
        }
      }
      throw new Error(`no stat ${name}`);
    },
  };
}

/** Nothing of them is used before a cluster that names one starts. */
export function idleDnsCaches(): DnsCaches {
  const time = new SimulatedTime();
  return new DnsCaches({
    dispatcher: time.dispatcher(new SeededRandom(1)),
    dns: NO_DNS,
    stats: new StatsStore(new StatSlab()).root,
    limiters: openUpstreamSlots(createSharedUpstreamState(1), 0).limiters,
  });
}

export interface CompileOptions {
  readonly http2?: Http2Clients;
  readonly dnsCaches?: DnsCaches;
  /** Where event logs go. */
  readonly logs?: LogFiles;
}

const NO_LOGS: LogFiles = {
  open: () => {
    throw new Error("no log is written in this test");
  },
};

export function compileWith(
  message: ClusterMessage,
  options: CompileOptions = {},
): {
  config: ClusterConfig | null;
  context: CompileContext;
} {
  const context = new CompileContext();
  const config = compileCluster(
    message,
    {
      clusters: clusterFactories({ dnsCaches: options.dnsCaches ?? idleDnsCaches() }),
      loadBalancers: loadBalancerFactories(),
      healthChecks: {
        checkers: healthCheckers({ formats: testFormats(), http2: options.http2 ?? NO_HTTP2 }),
        eventSinks: healthEventSinks({ files: options.logs ?? NO_LOGS, appendProblem: () => null }),
      },
      sourceAddresses: [],
    },
    context,
  );
  return { config, context };
}

export function compiled(message: ClusterMessage, options: CompileOptions = {}): ClusterConfig {
  const { config, context } = compileWith(message, options);
  if (config === null) throw new Error(JSON.stringify(context.diagnostics));
  return config;
}

/** A STATIC cluster `c` of loopback ports. */
export function staticMessage(
  ports: readonly number[],
  more: Partial<ClusterMessage> = {},
): ClusterMessage {
  return {
    name: "c",
    type: "STATIC",
    loadAssignment: {
      clusterName: "c",
      endpoints: [
        {
          lbEndpoints: ports.map((portValue) => ({
            endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } },
          })),
        },
      ],
    },
    ...more,
  };
}

/** An upstream that records what it receives and answers by hand. */
export class TestUpstream {
  readonly sockets: Socket[] = [];
  readonly received: string[] = [];
  closed = 0;
  private closeListener: (() => void) | null = null;

  async listen(network: MemoryNetwork, port: number, ip: string = "127.0.0.1"): Promise<this> {
    const listening = await network.listen({ address: { ip, port } }, (socket) => {
      const index = this.sockets.length;
      this.sockets.push(socket);
      this.received.push("");
      socket.events = {
        onConnect: () => undefined,
        onBytes: (buffer, length) => {
          this.received[index] += buffer.toString("latin1", 0, length);
        },
        onEnd: () => socket.end(),
        onDrain: () => undefined,
        onClose: () => {
          this.closed++;
        },
      };
      socket.resume();
    });
    this.closeListener = () => listening.close();
    return this;
  }

  answer(index: number, text: string = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"): void {
    this.sockets[index]?.writeText(text);
  }

  close(): void {
    this.closeListener?.();
  }
}

/** Sends a GET through the pool of a host and writes down what happens. */
export class TestStream implements ResponseDecoder, HttpPoolCallbacks {
  readonly events: string[] = [];
  upstream: PooledUpstreamInfo | null = null;
  host: Host | null = null;
  /** Null when the pool answered at once. */
  waiting: PoolCancellable | null = null;
  encoder: Parameters<HttpPoolCallbacks["onPoolReady"]>[0] | null = null;

  onPoolReady(
    encoder: Parameters<HttpPoolCallbacks["onPoolReady"]>[0],
    host: Host,
    upstream: PooledUpstreamInfo,
  ): void {
    this.encoder = encoder;
    this.host = host;
    this.upstream = upstream;
    this.events.push("ready");
    const headers = new RequestHeaderMap();
    headers.method = "GET";
    headers.path = "/";
    headers.authority = "test";
    encoder.encodeHeaders(headers, true);
  }

  onPoolFailure(reason: string, transportFailure: string): void {
    this.events.push(`failed: ${reason}${transportFailure === "" ? "" : `: ${transportFailure}`}`);
  }

  decodeInformational(headers: ResponseHeaderMap): void {
    this.events.push(`informational ${headers.status}`);
  }

  decodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    this.events.push(`status ${headers.status}${endStream ? " end" : ""}`);
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    this.events.push(`data ${bytes.length}${endStream ? " end" : ""}`);
  }

  decodeTrailers(): void {
    this.events.push("trailers");
  }

  onResetStream(reason: string): void {
    this.events.push(`reset: ${reason}`);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.events.push("above");
  }

  onBelowWriteBufferLowWatermark(): void {
    this.events.push("below");
  }
}

/** Asks the cluster for a host and its pool for a stream. */
export function request(
  cluster: Cluster,
  priority: "DEFAULT" | "HIGH" = "DEFAULT",
  context: LoadBalancerContext = EMPTY_CONTEXT,
): TestStream {
  const stream = new TestStream();
  const host = cluster.chooseHost(context);
  if (host === null) stream.events.push("no host");
  else stream.waiting = cluster.httpPool(host, priority).newStream(stream, stream);
  return stream;
}
