// What a kind of cluster promises, wherever its members come from.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../../src/upstream/load-balancer.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import { request, TestUpstream, type UpstreamFixture } from "../../upstream/upstream-fixture.ts";

/**
 * One way to give a cluster named `c` the members 127.0.0.1:1000 and, after `grow`, 127.0.0.2:1000.
 */
export interface ClusterSubject {
  readonly fixture: UpstreamFixture;
  readonly message: Cluster;
  /** Null when members cannot change while the cluster lives. */
  readonly grow: (() => Promise<void>) | null;
  /** Further clusters that must be there first. */
  readonly others?: readonly Cluster[];
  /** False when the hosts belong to other clusters. Default true. */
  readonly ownsHosts?: boolean;
  /** What requests bring; an empty context by default. */
  readonly context?: LoadBalancerContext;
}

export function clusterContract(kind: string, make: () => ClusterSubject): void {
  describe(`${kind} as a cluster`, () => {
    let subject: ClusterSubject;
    let fixture: UpstreamFixture;
    let upstream: TestUpstream;
    let context: LoadBalancerContext;
    let owned: 0 | 1;

    beforeEach(async () => {
      subject = make();
      fixture = subject.fixture;
      context = subject.context ?? EMPTY_CONTEXT;
      owned = subject.ownsHosts === false ? 0 : 1;
      for (const other of subject.others ?? []) fixture.add(other);
      upstream = await new TestUpstream().listen(fixture.network, 1000);
    });

    afterEach(async () => {
      let closed = false;
      fixture.manager.close(() => {
        closed = true;
      });
      for (const socket of upstream.sockets) socket.resetAndDestroy();
      upstream.close();
      await fixture.time.advance(0);
      assert.ok(closed);
      await assertNoLeaks({
        time: fixture.time,
        network: fixture.network,
        dispatchers: [fixture.dispatcher],
        gauges: () => fixture.liveGauges(),
      });
    });

    it("answers lookups now or later, and serves once its members are known", async () => {
      fixture.add(subject.message);
      const lookup = fixture.manager.lookup("c");
      assert.notEqual(lookup.kind, "none");
      let waited = 0;
      if (lookup.kind === "later") {
        lookup.wait((cluster) => {
          assert.equal(cluster?.info.name, "c");
          waited++;
        });
      }
      await fixture.time.advance(10);
      assert.equal(waited, lookup.kind === "later" ? 1 : 0);
      const stream = request(fixture.cluster("c"), "DEFAULT", context);
      await fixture.time.advance(0);
      assert.deepEqual(stream.events, ["ready"]);
      assert.equal(stream.host!.addressText, "127.0.0.1:1000");
      assert.equal(stream.upstream!.hostAddress, "127.0.0.1:1000");
    });

    it("tells when it is warm", async () => {
      fixture.add(subject.message);
      let warm = false;
      fixture.manager.whenWarm(() => {
        warm = true;
      });
      await fixture.time.advance(10);
      assert.ok(warm);
    });

    it("counts its members", async () => {
      fixture.add(subject.message);
      await fixture.time.advance(10);
      const stream = request(fixture.cluster("c"), "DEFAULT", context);
      await fixture.time.advance(0);
      assert.equal(fixture.stat("cluster.c.membership_total"), owned);
      assert.equal(fixture.stat("cluster.c.membership_healthy"), owned);
      assert.equal(fixture.stat("cluster.c.membership_change"), owned);
      const others = subject.others?.length ?? 0;
      assert.equal(fixture.stat("cluster_manager.active_clusters"), 1 + others);
      assert.deepEqual(stream.events, ["ready"]);
      upstream.answer(0);
      await fixture.time.advance(0);
      assert.equal(fixture.stat("cluster_manager.warming_clusters"), 0);
    });

    it("skips the same configuration and replaces a changed one without a gap", async () => {
      fixture.add(subject.message);
      await fixture.time.advance(10);
      const first = fixture.cluster("c");
      const stream = request(first, "DEFAULT", context);
      await fixture.time.advance(0);
      assert.equal(fixture.add({ ...subject.message }), false);
      assert.equal(fixture.cluster("c"), first);
      assert.equal(fixture.add({ ...subject.message, perConnectionBufferLimitBytes: 9 }), true);
      assert.notEqual(fixture.manager.lookup("c").kind, "none");
      await fixture.time.advance(10);
      const second = fixture.cluster("c");
      assert.notEqual(second, first);
      assert.equal(second.info.perConnectionBufferLimitBytes, 9);
      assert.deepEqual(stream.events, ["ready"], "a running request stays");
      upstream.answer(0);
      await fixture.time.advance(0);
      assert.deepEqual(stream.events, ["ready", "status 200 end"]);
      assert.equal(upstream.closed, owned, "its connection was drained");
      assert.equal(fixture.stat("cluster_manager.cluster_modified"), 1);
    });

    it("is gone for new requests once removed, while running ones finish", async () => {
      fixture.add(subject.message);
      await fixture.time.advance(10);
      const stream = request(fixture.cluster("c"), "DEFAULT", context);
      await fixture.time.advance(0);
      assert.equal(fixture.manager.remove("c", "static"), true);
      assert.equal(fixture.manager.lookup("c").kind, "none");
      upstream.answer(0);
      await fixture.time.advance(0);
      assert.deepEqual(stream.events, ["ready", "status 200 end"]);
      assert.throws(() => fixture.stat("cluster.c.upstream_cx_total"), /no stat/);
    });

    it("adds a member and keeps what it knows of the others", async (t) => {
      if (subject.grow === null) {
        t.skip("its members are fixed");
        return;
      }
      fixture.add(subject.message);
      await fixture.time.advance(10);
      const cluster = fixture.cluster("c");
      const stream = request(cluster, "DEFAULT", context);
      await fixture.time.advance(0);
      upstream.answer(0);
      await fixture.time.advance(0);
      const before = stream.host!;
      await subject.grow();
      const hosts = new Set([1, 2, 3, 4].map(() => cluster.chooseHost(context)!));
      assert.ok(hosts.has(before), "the same object");
      assert.deepEqual([...hosts].map((host) => host.addressText).sort(), [
        "127.0.0.1:1000",
        "127.0.0.2:1000",
      ]);
      assert.equal(fixture.stat("cluster.c.membership_total"), 2);
      assert.equal(fixture.stat("cluster.c.membership_change"), 2);
      const again = cluster.httpPool(before, "DEFAULT");
      assert.equal(again, cluster.httpPool(stream.host!, "DEFAULT"));
      assert.equal(upstream.closed, 0, "its pool is untouched");
    });
  });
}
