// What a request pays for its pooled connection: the stream begins on a ready connection and ends.

import type {
  ClientConnection,
  ClientConnectionCallbacks,
  RequestEncoder,
} from "../../../../src/codec/codec.ts";
import type { SocketEvents } from "../../../../src/platform/sockets.ts";
import { EMPTY_CONTEXT } from "../../../../src/upstream/load-balancer.ts";
import { H1Pool } from "../../../../src/upstream/pool/h1-pool.ts";
import { TcpPool } from "../../../../src/upstream/pool/tcp-pool.ts";
import { RuntimeCluster } from "../../../../src/upstream/runtime-cluster.ts";
import type { UpstreamHost } from "../../../../src/upstream/upstream-host.ts";
import {
  compiled,
  staticMessage,
  TestStream,
  upstreamFixture,
} from "../../../../test/upstream/upstream-fixture.ts";
import { bench } from "../../../kit/micro.ts";

const encoder = { encodeHeaders: () => undefined } as unknown as RequestEncoder;
let callbacks: ClientConnectionCallbacks | null = null;

const fixture = upstreamFixture();
const services = {
  ...fixture.services,
  createHttp1Client: (_connection: unknown, told: ClientConnectionCallbacks): ClientConnection => {
    callbacks = told;
    return {
      protocol: "HTTP/1.1",
      dispatch: () => undefined,
      onConnectionClose: () => true,
      newStream: () => encoder,
      onAboveWriteBufferHighWatermark: () => undefined,
      onBelowWriteBufferLowWatermark: () => undefined,
    };
  },
};
const cluster = new RuntimeCluster(compiled(staticMessage([1000])), services, {
  onClusterReady: () => undefined,
  onMembersChanged: () => undefined,
  find: () => null,
  watch: () => () => undefined,
});
cluster.start();
await fixture.network.listen({ address: { ip: "127.0.0.1", port: 1000 } }, (socket) => {
  const silent: SocketEvents = {
    onConnect: () => undefined,
    onBytes: () => undefined,
    onEnd: () => undefined,
    onDrain: () => undefined,
    onClose: () => undefined,
  };
  socket.events = silent;
});
const host = cluster.chooseHost(EMPTY_CONTEXT) as UpstreamHost;
const pool = new H1Pool(cluster.info, host, "DEFAULT", services);
const stream = new TestStream();
const user = { onPoolReady: () => undefined, onPoolFailure: () => undefined };
pool.newStream(stream, user);
fixture.time.run(10);
callbacks!.onStreamComplete();

bench(
  "H1Pool.newStream and onStreamComplete",
  () => {
    pool.newStream(stream, user);
    callbacks!.onStreamComplete();
  },
  { allocatedBytesMax: 0 },
);

let received: { onData(bytes: Buffer, end: boolean): void } | null = null;
const tcp = new TcpPool(cluster.info, host, "DEFAULT", services);
tcp.newConnection({
  onPoolReady: (connection) => {
    connection.callbacks = { onData: () => undefined, onClose: () => undefined };
    received = connection.callbacks;
    queueMicrotask(() => {
      received = connection.callbacks;
    });
  },
  onPoolFailure: () => undefined,
});
fixture.time.run(10);
await Promise.resolve();
const chunk = Buffer.alloc(1024);
bench("TcpClient.onData", () => received!.onData(chunk, false), { allocatedBytesMax: 0 });

bench("RuntimeCluster.chooseHost and httpPool", () =>
  cluster.httpPool(cluster.chooseHost(EMPTY_CONTEXT)!, "DEFAULT"),
);
