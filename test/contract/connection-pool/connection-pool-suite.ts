// What the router and the TCP proxy may rely on, whatever a pool carries.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { PoolCancellable } from "../../../src/upstream/connection-pool.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import {
  staticMessage,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

/** One use of a pool: `events` starts with "ready" or "failed: …". */
export interface PoolUse {
  readonly events: string[];
  readonly waiting: PoolCancellable | null;
  /** Ends what was begun, so that the connection is no longer busy. */
  end(upstream: TestUpstream, index: number): void;
}

export type PoolUser = (fixture: UpstreamFixture) => PoolUse;

const ADDRESS = { ip: "127.0.0.1", port: 1000 };

export function connectionPoolContract(kind: string, use: PoolUser): void {
  describe(`${kind} pool as a connection pool`, () => {
    let fixture: UpstreamFixture;
    let upstream: TestUpstream;

    beforeEach(async () => {
      fixture = upstreamFixture();
      upstream = await new TestUpstream().listen(fixture.network, ADDRESS.port);
    });

    afterEach(async () => {
      let closed = false;
      fixture.manager.close(() => {
        closed = true;
      });
      for (const socket of upstream.sockets) socket.resetAndDestroy();
      upstream.close();
      await fixture.time.advance(0);
      assert.ok(closed, "draining did not finish");
      await assertNoLeaks({
        time: fixture.time,
        network: fixture.network,
        dispatchers: [fixture.dispatcher],
        gauges: () => fixture.liveGauges(),
      });
    });

    function start(more: Partial<Cluster> = {}): void {
      fixture.add(staticMessage([ADDRESS.port], more));
    }

    it("never calls back inside the call that waits", async () => {
      start();
      const one = use(fixture);
      assert.deepEqual(one.events, []);
      assert.notEqual(one.waiting, null);
      await fixture.time.advance(0);
      assert.deepEqual(one.events, ["ready"]);
    });

    it("names a refused connection", async () => {
      fixture.network.refuse(ADDRESS);
      start();
      const one = use(fixture);
      await fixture.time.advance(0);
      assert.deepEqual(one.events, [
        "failed: remote connection failure: delayed connect error: Connection refused",
      ]);
      assert.equal(fixture.stat("cluster.c.upstream_rq_pending_failure_eject"), 1);
    });

    it("gives up after connect_timeout", async () => {
      fixture.network.ignore(ADDRESS);
      start({ connectTimeout: { seconds: 1, nanos: 0 } });
      const one = use(fixture);
      await fixture.time.advance(1020);
      assert.deepEqual(one.events, ["failed: connection timeout"]);
      assert.equal(fixture.stat("cluster.c.upstream_cx_connect_timeout"), 1);
      assert.equal(fixture.stat("cluster.c.upstream_cx_destroy_local"), 1);
    });

    it("says nothing after cancel", async () => {
      start();
      const one = use(fixture);
      one.waiting!.cancel();
      one.waiting!.cancel();
      await fixture.time.advance(0);
      assert.deepEqual(one.events, []);
      assert.equal(fixture.stat("cluster.c.upstream_rq_cancelled"), 1);
    });

    it("fails at once with overflow when too many wait", async () => {
      start({ circuitBreakers: { thresholds: [{ maxPendingRequests: 1 }] } });
      use(fixture);
      const second = use(fixture);
      assert.equal(second.waiting, null);
      assert.deepEqual(second.events, ["failed: overflow"]);
      await fixture.time.advance(0);
    });

    it("lets the next in line connect when the connection limit frees a place", async () => {
      start({ circuitBreakers: { thresholds: [{ maxConnections: 1 }] } });
      const first = use(fixture);
      const second = use(fixture);
      await fixture.time.advance(0);
      assert.deepEqual(first.events, ["ready"]);
      assert.deepEqual(second.events, []);
      assert.equal(fixture.stat("cluster.c.upstream_cx_total"), 1);
      // Asked for once when it was queued and once when the first connection was given away.
      assert.equal(fixture.stat("cluster.c.upstream_cx_overflow"), 2);
      first.end(upstream, 0);
      await fixture.time.advance(0);
      assert.deepEqual(second.events, ["ready"]);
      second.end(upstream, upstream.sockets.length - 1);
    });

    it("counts connections and uses on the host", async () => {
      start();
      const one = use(fixture);
      await fixture.time.advance(0);
      const [host] = fixture.manager.describe()[0]!.hosts;
      assert.equal(host!.totals!.cxActive, 1);
      assert.equal(host!.totals!.rqActive, 1);
      one.end(upstream, 0);
      await fixture.time.advance(0);
      assert.equal(fixture.manager.describe()[0]!.hosts[0]!.totals!.rqActive, 0);
    });

    it("tells when draining is done, and still serves who holds it", async () => {
      start();
      const one = use(fixture);
      await fixture.time.advance(0);
      const cluster = fixture.cluster("c");
      let closed = false;
      fixture.manager.remove("c", "static");
      fixture.manager.whenWarm(() => undefined);
      assert.equal(fixture.manager.lookup("c").kind, "none");
      assert.notEqual(cluster, null);
      await fixture.time.advance(0);
      assert.deepEqual(one.events, ["ready"], "what is running goes on");
      one.end(upstream, 0);
      await fixture.time.advance(0);
      closed = upstream.closed === upstream.sockets.length;
      assert.ok(closed);
      fixture.add(staticMessage([ADDRESS.port]));
      fixture.cluster("c");
    });
  });
}
