// What the TCP proxy adds to a chunk in each direction.
import { TcpProxyFilter } from "../../../../src/extensions/network-filters/tcp-proxy/tcp-proxy-filter.ts";
import { StatsLease } from "../../../../src/extensions/network-filters/tcp-proxy/upstream-side.ts";
import { Connection } from "../../../../src/network/connection.ts";
import { ConnectionInfo, StreamInfo } from "../../../../src/network/stream-info.ts";
import { createTcpProxyStats } from "../../../../src/stats/groups/tcp-proxy-stats.ts";
import { StatSlab } from "../../../../src/stats/slab.ts";
import { StatsStore } from "../../../../src/stats/stats-store.ts";
import type { PooledUpstreamInfo } from "../../../../src/upstream/connection-pool.ts";
import type { Host } from "../../../../src/upstream/host.ts";
import { SimulatedTime } from "../../../../test/kit/simulated-time.ts";
import { bench } from "../../../kit/micro.ts";
import { StubSocket } from "../../../kit/stub-socket.ts";

const dispatcher = new SimulatedTime().dispatcher();
const idle = { onData: (): void => undefined, onClose: (): void => undefined };
const options = { bufferLimitBytes: 1_048_576, halfClose: true };
const downstream = new Connection(dispatcher, new StubSocket(), idle, options);
const upstream = new Connection(dispatcher, new StubSocket(), idle, options);
const address = { ip: "127.0.0.1", port: 1 };
const filter = new TcpProxyFilter(
  {
    config: {
      statPrefix: "p",
      routes: [{ cluster: "c", weight: 1, metadataMatch: null }],
      totalWeight: 1,
      metadataMatch: null,
      idleTimeoutMs: 3_600_000,
      maxConnectAttempts: 1,
      maxDurationMs: 0,
      maxDurationJitter: 0,
      hashPolicy: null,
      accessLogs: [],
      logIntervalMs: 0,
      logOnConnected: false,
    },
    dispatcher,
    clusters: { lookup: () => ({ kind: "later", wait: () => () => undefined }) },
    stats: createTcpProxyStats(new StatsStore(new StatSlab()).root.scope("tcp.p")),
    statsLease: new StatsLease(() => undefined),
    loggers: [],
  },
  {
    connection: downstream,
    streamInfo: new StreamInfo(new ConnectionInfo(1, address, address), 0, 0),
    continueReading: () => undefined,
  },
);
filter.onNewConnection();
filter.onPoolReady(
  upstream,
  {} as Host,
  {
    connectStartMs: 0,
    connectEndMs: 0,
  } as PooledUpstreamInfo,
);
downstream.callbacks = { onData: (b, end) => void filter.onData(b, end), onClose: idle.onClose };
const chunk = Buffer.alloc(65_536, "x");

bench("tcp_proxy: a chunk up", () => downstream.onBytes(chunk, chunk.length), {
  // The view of the chunk.
  allocatedBytesMax: 110,
});
bench("tcp_proxy: a chunk down", () => upstream.onBytes(chunk, chunk.length), {
  allocatedBytesMax: 110,
});
