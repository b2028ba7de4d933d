import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { bootstrap, httpListener, staticCluster } from "./configs.ts";
import { ARRANGEMENTS, ServerFixture } from "./server-fixture.ts";

let fixture: ServerFixture;
afterEach(() => fixture.close());

const CHECK = {
  timeout: "1s",
  interval: "2s",
  no_traffic_interval: "2s",
  unhealthy_threshold: 1,
  healthy_threshold: 1,
  http_health_check: { path: "/health" },
};

/** 1001 answers, 1002 accepts and says nothing. */
const CLUSTER = staticCluster("one", [1001, 1002], { health_checks: [CHECK] });
const CONFIG = bootstrap({
  clusters: [CLUSTER],
  listeners: [httpListener({ name: "main", port: 8080 })],
});

for (const { dataPlanes, onThreads } of ARRANGEMENTS) {
  const where = `${dataPlanes} data plane(s)${onThreads ? " on threads" : ""}`;
  describe(`health checks of a server with ${where}`, () => {
    async function start(): Promise<void> {
      fixture = await ServerFixture.create(CONFIG, { dataPlanes, onThreads });
      await fixture.upstream(1001, "good");
      await fixture.upstream(1002, null);
      await fixture.start();
    }

    it("are over once before it accepts, and are made once for all", async () => {
      await start();
      assert.equal(fixture.stat("cluster.one.health_check.attempt"), 2);
      assert.equal(fixture.stat("cluster.one.health_check.healthy"), 1);
      assert.equal(fixture.stat("cluster.one.membership_healthy"), 1);
    });

    it("keep all traffic of all data planes away from a host that hangs", async () => {
      await start();
      for (let count = 0; count < 8; count++) {
        assert.equal((await fixture.request(8080, "GET /")).body, "good");
      }
      const { body } = await fixture.get("/clusters");
      assert.match(
        body,
        /^one::127\.0\.0\.1:1002::health_flags::\/failed_active_hc\/active_hc_timeout$/m,
      );
    });

    it("go on after a reload that does not touch the cluster", async () => {
      await start();
      await fixture.reload(
        bootstrap({
          clusters: [CLUSTER],
          listeners: [httpListener({ name: "other", port: 8081 })],
        }),
      );
      const before = fixture.stat("cluster.one.health_check.attempt") ?? 0;
      await fixture.time.advance(5000);
      assert.ok((fixture.stat("cluster.one.health_check.attempt") ?? 0) > before);
      assert.equal((await fixture.request(8081, "GET /")).body, "good");
    });

    it("end with the cluster", async () => {
      await start();
      await fixture.reload(
        bootstrap({
          clusters: [staticCluster("one", [1001])],
          listeners: [httpListener({ name: "main", port: 8080 })],
        }),
      );
      await fixture.time.advance(5000);
      assert.equal((await fixture.request(8080, "GET /")).body, "good");
    });
  });
}

describe("health checks when the worker that makes them dies", () => {
  it("are gone on with by its successor, and no host is forgotten meanwhile", async () => {
    fixture = await ServerFixture.create(CONFIG, { dataPlanes: 2, onThreads: true });
    await fixture.upstream(1001, "good");
    await fixture.upstream(1002, null);
    await fixture.start();
    const { threads } = fixture;
    threads?.living(0).die("exit code 1");
    for (let count = 0; count < 4; count++) {
      assert.equal((await fixture.request(8080, "GET /")).body, "good");
    }
    await fixture.until(() => threads?.alive.length === 2);
    const before = fixture.stat("cluster.one.health_check.attempt") ?? 0;
    await fixture.time.advance(5000);
    assert.ok((fixture.stat("cluster.one.health_check.attempt") ?? 0) >= before + 2);
    assert.equal(fixture.stat("cluster.one.health_check.healthy"), 1);
    assert.equal((await fixture.request(8080, "GET /")).body, "good");
  });
});
