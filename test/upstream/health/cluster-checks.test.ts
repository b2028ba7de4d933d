import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Connection } from "../../../src/network/connection.ts";
import { HealthFlag } from "../../../src/upstream/host.ts";
import { TestStream } from "../upstream-fixture.ts";
import { CheckedCluster, response } from "./checked-cluster.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const C = "192.0.2.3";

describe("a cluster under health checks", () => {
  let checked: CheckedCluster;

  afterEach(() => checked.close());

  it("warms until each host was checked, whatever the result", async () => {
    checked = await new CheckedCluster().serve(A, B);
    checked.service(B).response = null;
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    assert.equal(checked.ready(), false);
    await checked.run(1000);
    assert.equal(checked.ready(), true);
    assert.deepEqual(checked.chosen(), [A]);
  });

  it("does not wait for hosts that go away, nor for those that are not checked", async () => {
    checked = await new CheckedCluster().serve(A, B);
    checked.service(B).response = null;
    await checked.start([
      { ip: A },
      { ip: B },
      { ip: C, check: { disableActiveHealthCheck: true } },
    ]);
    await checked.run(100);
    assert.equal(checked.ready(), false);
    checked.name([{ ip: A }, { ip: C, check: { disableActiveHealthCheck: true } }]);
    assert.equal(checked.ready(), true);
    assert.deepEqual(checked.chosen(), [A, C]);
  });

  it("sends nothing to a new host before its first success", async () => {
    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    checked.service(B).response = null;
    checked.name([{ ip: A }, { ip: B }]);
    await checked.run(10);
    assert.deepEqual(checked.chosen(), [A]);
    assert.equal(checked.stat("membership_excluded"), 0);
    checked.service(B).response = response(200);
    await checked.run(3500);
    assert.deepEqual(checked.chosen(), [A, B]);
  });

  it("leaves new hosts out of all totals until then, when asked to", async () => {
    checked = await new CheckedCluster().serve(A, B, C);
    const ignore = { commonLbConfig: { ignoreNewHostsUntilFirstHc: true } };
    await checked.start([{ ip: A }], {}, ignore);
    await checked.run(100);
    for (const ip of [B, C]) checked.service(ip).response = null;
    checked.name([{ ip: A }, { ip: B }, { ip: C }]);
    await checked.run(10);
    assert.equal(checked.stat("membership_excluded"), 2);
    assert.deepEqual(checked.chosen(), [A], "a third of the hosts would be panic");
    assert.equal(checked.stat("lb_healthy_panic"), 0);
    await checked.run(1100);
    assert.equal(checked.stat("membership_excluded"), 0, "a failure ends it too");
  });

  it("keeps a healthy host that discovery names no more, until it fails", async () => {
    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.name([{ ip: A }]);
    assert.deepEqual(checked.chosen(), [A, B]);
    assert.notEqual(checked.host(B).healthFlags() & HealthFlag.PendingDynamicRemoval, 0);
    assert.equal(checked.stat("membership_total"), 2);
    checked.service(B).response = response(500);
    await checked.run(2100);
    assert.deepEqual(checked.chosen(), [A]);
    assert.equal(checked.stat("membership_total"), 1);
    assert.equal(checked.stat("health_check.healthy"), 1);
  });

  it("takes such a host back when discovery names it again", async () => {
    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    const host = checked.host(B);
    checked.name([{ ip: A }]);
    checked.name([{ ip: A }, { ip: B }]);
    assert.equal(checked.host(B), host);
    assert.equal(host.healthFlags(), 0);
    checked.service(B).response = response(500);
    await checked.run(2100);
    assert.equal(checked.stat("membership_total"), 2);
  });

  it("removes failed hosts at once, and healthy ones when health is to be ignored", async () => {
    checked = await new CheckedCluster().serve(A, B);
    checked.service(B).response = response(500);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.name([{ ip: A }]);
    assert.equal(checked.stat("membership_total"), 1);
    await checked.close();

    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }, { ip: B }], {}, { ignoreHealthOnHostRemoval: true });
    await checked.run(100);
    checked.name([{ ip: A }]);
    assert.equal(checked.stat("membership_total"), 1);
  });

  it("keeps what is known of a host that moves to another locality", async () => {
    checked = await new CheckedCluster().serve(A);
    await checked.start([{ ip: A, zone: "one" }]);
    await checked.run(100);
    checked.service(A).response = null;
    checked.name([{ ip: A, zone: "two" }]);
    assert.deepEqual(checked.chosen(), [A]);
    assert.equal(checked.stat("health_check.healthy"), 1);
  });

  it("starts anew with a host that is checked in another place", async () => {
    checked = await new CheckedCluster().serve(A);
    await checked.start([{ ip: A }], {}, { commonLbConfig: { healthyPanicThreshold: {} } });
    await checked.run(100);
    checked.name([{ ip: A, check: { portValue: 1001 } }]);
    assert.deepEqual(checked.chosen(), []);
  });

  it("serves as before while another configuration of it warms", async () => {
    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    for (const ip of [A, B]) checked.service(ip).response = null;
    checked.replaceCluster({ connectTimeout: { seconds: 9, nanos: 0 } });
    await checked.run(100);
    assert.deepEqual(checked.chosen(), [A, B]);
    checked.service(A).response = response(200);
    await checked.run(2000);
    assert.equal(checked.cluster().config.connection.connectTimeoutMs, 9000);
    assert.equal(checked.stat("health_check.healthy"), 0, "the new one has not passed yet");
  });

  it("checks often only once the cluster is used", async () => {
    checked = await new CheckedCluster().serve(A);
    await checked.start([{ ip: A }], { noTrafficInterval: { seconds: 100, nanos: 0 } });
    await checked.run(90_000);
    assert.equal(checked.service(A).asked, 1);
    await checked.run(12_000);
    const cluster = checked.cluster();
    const stream = new TestStream();
    cluster.httpPool(checked.host(A), "DEFAULT").newStream(stream, stream);
    await checked.run(100);
    const asked = checked.service(A).asked;
    await checked.run(120_000);
    assert.ok(checked.service(A).asked > asked + 5, `asked ${checked.service(A).asked} times`);
  });

  it("closes idle connections to a host that turns failed", async () => {
    checked = await new CheckedCluster().serve(A);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    const stream = new TestStream();
    checked.cluster().httpPool(checked.host(A), "DEFAULT").newStream(stream, stream);
    await checked.run(10);
    assert.equal(checked.stat("upstream_cx_active"), 1);
    checked.service(A).response = response(500);
    await checked.run(2100);
    assert.equal(checked.stat("upstream_cx_active"), 0);
  });

  it("looks at many changes of a large cluster together", async () => {
    const ips = Array.from({ length: 300 }, (_, index) => `198.51.${index >> 8}.${index & 255}`);
    checked = await new CheckedCluster().serve(A, ...ips);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    const updates = (): number => checked.planes[0]!.stat("cluster_manager.cluster_updated");
    const before = updates();
    checked.name([{ ip: A }, ...ips.map((ip) => ({ ip }))]);
    await checked.run(100);
    assert.equal(checked.stat("membership_healthy"), 301);
    assert.ok(updates() - before < 10, `${updates() - before} looks`);
  });

  for (const closes of [false, true]) {
    it(`${closes ? "ends" : "keeps"} TCP connections to a host that turns failed`, async () => {
      checked = await new CheckedCluster().serve(A);
      const cluster = { closeConnectionsOnHostHealthFailure: closes };
      await checked.start([{ ip: A }], {}, cluster);
      await checked.run(100);
      const opened: Connection[] = [];
      checked
        .cluster()
        .tcpPool(checked.host(A), "DEFAULT")
        .newConnection({
          onPoolReady: (connection) => {
            connection.callbacks = { onData: () => undefined, onClose: () => undefined };
            opened.push(connection);
          },
          onPoolFailure: () => assert.fail("no connection"),
        });
      await checked.run(10);
      checked.service(A).response = response(500);
      await checked.run(2100);
      assert.deepEqual(
        opened.map((connection) => connection.closed),
        [closes],
      );
      for (const connection of opened) connection.close("no-flush");
    });
  }

  it("takes an ejected host back when it passes a check", async () => {
    checked = await new CheckedCluster().serve(A, B);
    const outlierDetection = { consecutive5xx: 1, maxEjectionPercent: 100 };
    await checked.start([{ ip: A }, { ip: B }], {}, { outlierDetection });
    await checked.run(100);
    checked.host(A).monitor?.onHttpStatus(500);
    assert.deepEqual(checked.chosen(), [B]);
    await checked.run(2100);
    assert.deepEqual(checked.chosen(), [A, B]);
  });

  it("fails a host whose response to traffic says so", async () => {
    checked = await new CheckedCluster().serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.host(A).healthMonitor?.onImmediateHealthCheckFail();
    assert.deepEqual(checked.chosen(), [B]);
    await checked.run(10);
    assert.equal(checked.stat("membership_excluded"), 1);
    assert.equal(checked.stat("health_check.passive_failure"), 1);
    await checked.run(2100);
    assert.deepEqual(checked.chosen(), [A, B]);
  });
});

describe("two data planes over one cluster", () => {
  let checked: CheckedCluster;

  afterEach(() => checked.close());

  it("check each host once, and both warm by it", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    assert.equal(checked.ready(1), false);
    await checked.run(100);
    assert.deepEqual([checked.ready(0), checked.ready(1)], [true, true]);
    assert.equal(checked.service(A).asked, 1);
    assert.deepEqual(checked.chosen(1), [A, B]);
  });

  it("both stop choosing a host that failed", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.service(A).response = response(500);
    await checked.run(2100);
    assert.deepEqual([checked.chosen(0), checked.chosen(1)], [[B], [B]]);
  });

  it("both let go of a removed host when it fails", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.name([{ ip: A }]);
    assert.deepEqual(
      [checked.chosen(0), checked.chosen(1)],
      [
        [A, B],
        [A, B],
      ],
    );
    checked.service(B).response = response(500);
    await checked.run(2100);
    checked.chosen(1);
    const sizes = [0, 1].map((plane) => checked.cluster(plane).members.byIdentity.size);
    assert.deepEqual(sizes, [1, 1]);
  });

  it("act at once on what a response told the one that does not check, and count it once", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.host(A, 1).healthMonitor?.onImmediateHealthCheckFail();
    assert.deepEqual([checked.chosen(0), checked.chosen(1)], [[B], [B]]);
    assert.equal(checked.stat("health_check.passive_failure"), 1);
    assert.equal(checked.stat("health_check.healthy"), 1);
    await checked.run(2100);
    assert.deepEqual(
      [checked.chosen(0), checked.chosen(1)],
      [
        [A, B],
        [A, B],
      ],
    );
    assert.equal(checked.stat("health_check.healthy"), 2);
  });

  it("go on where a leader that died has stopped", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    checked.service(B).response = response(500);
    await checked.start([{ ip: A }, { ip: B }]);
    await checked.run(100);
    checked.replaceLeader();
    checked.service(A).response = null;
    await checked.run(50);
    assert.equal(checked.ready(0), true, "the first round is over already");
    assert.deepEqual([checked.chosen(0), checked.chosen(1)], [[A], [A]]);
    assert.equal(checked.stat("health_check.healthy"), 1);
    await checked.run(1100);
    assert.deepEqual(checked.chosen(0), [A, B], "all failing is panic: it checks again");
  });

  it("give a host that comes later its first flags only once", async () => {
    checked = await new CheckedCluster(2).serve(A, B);
    await checked.start([{ ip: A }]);
    await checked.run(100);
    checked.name([{ ip: A }, { ip: B }]);
    await checked.run(100);
    assert.deepEqual(
      [checked.chosen(0), checked.chosen(1)],
      [
        [A, B],
        [A, B],
      ],
    );
  });
});
