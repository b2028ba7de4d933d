import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Connection, ConnectionCallbacks } from "../../../src/network/connection.ts";
import type {
  PooledUpstreamInfo,
  TcpPoolCallbacks,
} from "../../../src/upstream/connection-pool.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import type { TcpPool } from "../../../src/upstream/pool/tcp-pool.ts";
import { connectionPoolContract } from "../../contract/connection-pool/connection-pool-suite.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import {
  request,
  staticMessage,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../upstream-fixture.ts";

class TcpUser implements TcpPoolCallbacks, ConnectionCallbacks {
  readonly events: string[] = [];
  connection: Connection | null = null;
  upstream: PooledUpstreamInfo | null = null;
  closeAtOnce = false;

  onPoolReady(connection: Connection, _host: unknown, upstream: PooledUpstreamInfo): void {
    this.events.push("ready");
    this.connection = connection;
    this.upstream = upstream;
    connection.callbacks = this;
    if (this.closeAtOnce) connection.close("no-flush");
  }

  onPoolFailure(reason: string, transportFailure: string): void {
    this.events.push(`failed: ${reason}${transportFailure === "" ? "" : `: ${transportFailure}`}`);
  }

  onData(bytes: Buffer, endStream: boolean): void {
    this.events.push(`data ${bytes.toString("latin1")}${endStream ? " end" : ""}`);
  }

  onClose(source: string): void {
    this.events.push(`closed ${source}`);
  }
}

function open(fixture: UpstreamFixture, user: TcpUser = new TcpUser()) {
  const cluster = fixture.cluster("c");
  const waiting = cluster
    .tcpPool(cluster.chooseHost(EMPTY_CONTEXT)!, "DEFAULT")
    .newConnection(user);
  return { user, waiting };
}

connectionPoolContract("TCP", (fixture) => {
  const { user, waiting } = open(fixture);
  return { events: user.events, waiting, end: () => user.connection!.close("no-flush") };
});

connectionPoolContract("HTTP/1", (fixture) => {
  const cluster = fixture.cluster("c");
  const stream = request(cluster);
  return {
    events: stream.events,
    waiting: stream.waiting,
    end: (upstream, index) => upstream.answer(index),
  };
});

describe("TcpPool", () => {
  async function with1000(
    test: (fixture: UpstreamFixture, upstream: TestUpstream) => Promise<void>,
  ): Promise<void> {
    const fixture = upstreamFixture();
    const upstream = await new TestUpstream().listen(fixture.network, 1000);
    fixture.add(staticMessage([1000]));
    await test(fixture, upstream);
    fixture.manager.close(() => undefined);
    upstream.close();
    await assertNoLeaks({
      time: fixture.time,
      network: fixture.network,
      dispatchers: [fixture.dispatcher],
      gauges: () => fixture.liveGauges(),
    });
  }

  it("that is closed fails who waits, and connects no more", async () => {
    await with1000(async (fixture) => {
      const { user } = open(fixture);
      const cluster = fixture.cluster("c");
      const pool = cluster.tcpPool(cluster.chooseHost(EMPTY_CONTEXT)!, "DEFAULT") as TcpPool;
      assert.deepEqual(pool.counts(), { connecting: 1, busy: 0, pending: 1 });
      pool.closeConnections();
      assert.deepEqual(user.events, ["failed: local connection failure"]);
      assert.deepEqual(pool.counts(), { connecting: 0, busy: 0, pending: 0 });
      await fixture.time.advance(0);
    });
  });

  it("carries bytes both ways and counts them", async () => {
    await with1000(async (fixture, upstream) => {
      const { user } = open(fixture);
      await fixture.time.advance(0);
      user.connection!.write("ping");
      await fixture.time.advance(0);
      assert.deepEqual(upstream.received, ["ping"]);
      upstream.sockets[0]!.writeText("pong!");
      await fixture.time.advance(0);
      assert.deepEqual(user.events, ["ready", "data pong!"]);
      user.connection!.close("no-flush");
      assert.deepEqual(user.events.at(-1), "closed local");
      assert.equal(fixture.stat("cluster.c.upstream_cx_tx_bytes_total"), 4);
      assert.equal(fixture.stat("cluster.c.upstream_cx_rx_bytes_total"), 5);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local_with_active_rq"), 1);
      await fixture.time.advance(0);
    });
  });

  it("passes half close through", async () => {
    await with1000(async (fixture, upstream) => {
      const { user } = open(fixture);
      await fixture.time.advance(0);
      upstream.sockets[0]!.writeText("bye");
      upstream.sockets[0]!.end();
      await fixture.time.advance(0);
      assert.deepEqual(user.events, ["ready", "data bye", "data  end"]);
      user.connection!.write("answer");
      user.connection!.end();
      await fixture.time.advance(0);
      assert.deepEqual(upstream.received, ["answer"]);
      assert.match(user.events.at(-1)!, /^closed/);
    });
  });

  it("counts a connection as ended by the peer when its FIN answers ours", async () => {
    await with1000(async (fixture) => {
      const { user } = open(fixture);
      await fixture.time.advance(0);
      user.connection!.end();
      await fixture.time.advance(0);
      user.connection!.close("no-flush");
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_remote_with_active_rq"), 1);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local"), 0);
    });
  });

  it("counts a connection as ended by us when our FIN answers the peer's", async () => {
    await with1000(async (fixture, upstream) => {
      const { user } = open(fixture);
      await fixture.time.advance(0);
      upstream.sockets[0]!.end();
      await fixture.time.advance(0);
      user.connection!.end();
      await fixture.time.advance(0);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local_with_active_rq"), 1);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_remote"), 0);
    });
  });

  it("counts our close after the peer's FIN as ours while we have not finished", async () => {
    await with1000(async (fixture, upstream) => {
      const { user } = open(fixture);
      await fixture.time.advance(0);
      upstream.sockets[0]!.end();
      await fixture.time.advance(0);
      user.connection!.close("no-flush");
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local_with_active_rq"), 1);
    });
  });

  it("keeps its books when the user closes the connection at once", async () => {
    await with1000(async (fixture) => {
      const user = new TcpUser();
      user.closeAtOnce = true;
      open(fixture, user);
      await fixture.time.advance(0);
      assert.deepEqual(user.events, ["ready", "closed local"]);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local"), 1);
    });
  });

  it("closes the connection of a cancelled user, and only that", async () => {
    await with1000(async (fixture, upstream) => {
      const first = open(fixture);
      const second = open(fixture);
      first.waiting!.cancel();
      await fixture.time.advance(0);
      assert.deepEqual(second.user.events, ["ready"]);
      assert.equal(upstream.sockets.length, 1);
      const cluster = fixture.cluster("c");
      const pool = cluster.tcpPool(cluster.chooseHost(EMPTY_CONTEXT)!, "DEFAULT") as TcpPool;
      assert.deepEqual(pool.counts(), { connecting: 0, busy: 1, pending: 0 });
      second.user.connection!.close("no-flush");
      await fixture.time.advance(0);
    });
  });
});
