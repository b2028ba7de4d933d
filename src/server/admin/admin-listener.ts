/**
 * A listening socket that serves admin pages through our own HTTP stack: its requests appear in
 * `http.admin.*` and `listener.admin.*`, as Envoy's do, and no second HTTP server is loaded.
 */
import { RequestParser } from "../../codec/h1/request-parser.ts";
import { DEFAULT_HTTP1_SETTINGS } from "../../codec/h1/settings.ts";
import { DEFAULT_RUNTIME } from "../../config/runtime.ts";
import type { AccessLogger } from "../../http/access-log.ts";
import { ConnectionManager } from "../../http/connection-manager.ts";
import type { ConnectionManagerConfig } from "../../http/connection-manager-config.ts";
import type { ConnectionManagerRuntime } from "../../http/connection-manager-runtime.ts";
import { ConnectionManagerStats } from "../../http/connection-manager-stats.ts";
import { DateProvider } from "../../http/date-provider.ts";
import { PLAIN_LOCAL_REPLIES } from "../../http/local-reply.ts";
import {
  ActiveConnection,
  type ConnectionChain,
  type ConnectionOwner,
} from "../../network/active-connection.ts";
import type { DrainDecision } from "../../network/drain-decision.ts";
import { ConnectionInfo, StreamInfo } from "../../network/stream-info.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import type { ListenSocket, Socket, SocketAddress, SocketFactory } from "../../platform/sockets.ts";
import { TimerPool } from "../../platform/timer-pool.ts";
import {
  createListenerStats,
  createListenerWorkerStats,
} from "../../stats/groups/listener-stats.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import { type AdminDispatch, AdminFilter } from "./admin-filter.ts";

const BUFFER_LIMIT_BYTES = 1 << 20;
const HOUR_MS = 3_600_000;

export interface AdminListenerServices {
  readonly dispatcher: Dispatcher;
  readonly sockets: SocketFactory;
  readonly stats: StatsScope;
  readonly accessLoggers: readonly AccessLogger[];
  readonly drain: DrainDecision;
  /** The machine's address: stands in x-forwarded-for for a loopback peer. */
  readonly localAddress: string;
}

/**
 * Starts serving; `name` is the stat prefix ("admin"). Rejects when the address cannot be bound.
 */
export function listenAdmin(
  services: AdminListenerServices,
  name: string,
  address: SocketAddress,
  dispatch: AdminDispatch,
): Promise<ListenSocket> {
  const { dispatcher, stats } = services;
  const scope = stats.scope(`listener.${name}`);
  const owner: ConnectionOwner = {
    dispatcher,
    stats: createListenerStats(scope),
    workerStats: createListenerWorkerStats(scope.scope("main_thread")),
    logs: [],
    bufferLimitBytes: BUFFER_LIMIT_BYTES,
    onConnectionGone: () => undefined,
  };
  const runtime = adminRuntime(services, name, dispatch);
  const chain = adminChain(runtime);
  let connections = 0;
  const accept = (socket: Socket): void => {
    dispatcher.runEvent(() => {
      const info = new ConnectionInfo(
        ++connections,
        socket.remoteSocketAddress(),
        socket.localSocketAddress(),
      );
      const streamInfo = new StreamInfo(info, dispatcher.nowMs, dispatcher.wallMs());
      new ActiveConnection(owner, socket, streamInfo, chain).start(null);
    });
  };
  return services.sockets.listen({ address }, accept);
}

function adminChain(runtime: ConnectionManagerRuntime): ConnectionChain {
  const connections = new Set<ActiveConnection>();
  return {
    factories: [
      {
        name: "envoy.filters.network.http_connection_manager",
        create: (callbacks) => new ConnectionManager(runtime, callbacks),
      },
    ],
    connections,
    remove: (connection) => void connections.delete(connection),
  };
}

function adminRuntime(
  services: AdminListenerServices,
  name: string,
  dispatch: AdminDispatch,
): ConnectionManagerRuntime {
  const { dispatcher, stats } = services;
  const http = stats.scope("http").scope(name);
  const listenerHttp = stats.scope(`listener.${name}`).scope("http").scope(name);
  return {
    config: adminConfig(name, services.localAddress),
    dispatcher,
    stats: new ConnectionManagerStats(http, listenerHttp, stats),
    routes: { current: () => null },
    filters: [
      {
        name: "admin",
        disabled: false,
        factory: { create: (callbacks) => new AdminFilter(callbacks, dispatch) },
      },
    ],
    upgradeFilters: new Map(),
    accessLoggers: services.accessLoggers,
    localReplies: PLAIN_LOCAL_REPLIES,
    earlyMutations: [],
    clusters: { lookup: () => ({ kind: "none" }) },
    features: DEFAULT_RUNTIME,
    drain: services.drain,
    date: new DateProvider(dispatcher),
    requestParser: new RequestParser(DEFAULT_HTTP1_SETTINGS),
    bufferLimitBytes: BUFFER_LIMIT_BYTES,
    idleTimers: new TimerPool(dispatcher),
    requestTimers: new TimerPool(dispatcher),
    headTimers: new TimerPool(dispatcher),
    logTimers: new TimerPool(dispatcher),
    durationTimers: new TimerPool(dispatcher),
  };
}

function adminConfig(name: string, localAddress: string): ConnectionManagerConfig {
  return {
    statPrefix: name,
    codecType: "AUTO",
    http1: DEFAULT_HTTP1_SETTINGS,
    timeouts: {
      idleMs: HOUR_MS,
      maxConnectionDurationMs: 0,
      maxStreamDurationMs: 0,
      streamIdleMs: 300_000,
      requestMs: 0,
      requestHeadersMs: 0,
      drainMs: 100,
      delayedCloseMs: 1000,
    },
    maxRequestsPerConnection: 0,
    http1SafeMaxDuration: false,
    forwarding: {
      useRemoteAddress: true,
      xffTrustedHops: 0,
      skipXffAppend: false,
      detections: [],
      appendForwardedPort: false,
      internalRanges: [],
      internalUnixSockets: false,
      keepsClientCert: false,
      schemeToOverwrite: "",
      addUserAgent: false,
      serviceCluster: "",
      serviceNode: "",
      via: "",
      localAddress,
    },
    requestId: {
      generate: false,
      preserveExternal: false,
      alwaysSetInResponse: false,
      packTraceReason: true,
    },
    paths: {
      normalizePath: false,
      mergeSlashes: false,
      escapedSlashes: "KEEP_UNCHANGED",
      stripTrailingHostDot: false,
      stripPort: "none",
    },
    serverName: "envoy",
    serverHeader: "OVERWRITE",
    proxy100Continue: false,
    streamErrorOnInvalidMessage: false,
    appendLocalOverload: false,
    proxyStatus: null,
    tracing: null,
    logStarts: false,
    logTunnels: false,
    logIntervalMs: 0,
    upgrades: new Map(),
  };
}
