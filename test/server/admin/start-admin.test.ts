import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { ListenSocket } from "../../../src/platform/sockets.ts";
import { healthz } from "../../../src/server/admin/healthz.ts";
import { startOnFreePort } from "../../../src/server/admin/start-admin.ts";
import { prometheus } from "../../../src/server/admin/stats-pages.ts";
import { bootstrap, httpListener, staticCluster } from "../configs.ts";
import { ServerFixture } from "../server-fixture.ts";

const ANYWHERE = "0.0.0.0";

let fixture: ServerFixture;
let opened: ListenSocket[];

beforeEach(async () => {
  opened = [];
  fixture = await ServerFixture.create(
    bootstrap({
      clusters: [staticCluster("one", [1001])],
      listeners: [httpListener({ name: "main", port: 8080 })],
    }),
  );
  await fixture.start();
});
afterEach(async () => {
  for (const socket of opened) socket.close();
  await fixture.close();
});

async function open(name: string, port: number): Promise<number> {
  const pages = name === "health" ? [healthz] : [prometheus];
  opened.push(await startOnFreePort(fixture.host, name, { ip: ANYWHERE, port }, pages));
  return opened.at(-1)?.address.port ?? 0;
}

describe("the health port", () => {
  it("answers 200 while the server is live, else 503", async () => {
    await open("health", 15021);
    assert.equal((await fixture.request(15021, "GET /healthz/ready")).status, 200);
    fixture.server.failHealthCheck(true);
    const { status, body } = await fixture.request(15021, "GET /healthz/ready");
    assert.deepEqual([status, body], [503, "DRAINING\n"]);
  });

  it("serves nothing else", async () => {
    await open("health", 15021);
    for (const start of ["GET /stats", "GET /config_dump", "POST /quitquitquit", "GET /"]) {
      assert.equal((await fixture.request(15021, start)).status, 404, start);
    }
    assert.equal(fixture.quits, 0);
  });
});

describe("the metrics port", () => {
  it("serves /stats/prometheus and nothing else", async () => {
    await open("metrics", 15090);
    const { status, body } = await fixture.request(15090, "GET /stats/prometheus");
    assert.equal(status, 200);
    assert.match(body, /^envoy_server_live(\{\})? 1$/m);
    assert.match(body, /^envoy_cluster_membership_total\{envoy_cluster_name="one"\} 1$/m);
    assert.equal((await fixture.request(15090, "GET /stats")).status, 404);
  });

  it("counts under a name of its own", async () => {
    await open("metrics", 15090);
    await fixture.request(15090, "GET /stats/prometheus");
    assert.equal(fixture.stat("http.metrics.downstream_rq_total"), 1);
    assert.equal(fixture.stat("http.admin.downstream_rq_total"), 0);
  });
});

describe("a port that is taken", () => {
  it("is replaced by the next free one", async () => {
    fixture.network.denyBind({ ip: ANYWHERE, port: 15090 }, "EADDRINUSE");
    fixture.network.denyBind({ ip: ANYWHERE, port: 15091 }, "EADDRINUSE");
    assert.equal(await open("metrics", 15090), 15092);
  });

  it("is named when there is no permission", async () => {
    fixture.network.denyBind({ ip: ANYWHERE, port: 15090 }, "EACCES");
    await assert.rejects(open("metrics", 15090), { code: "EACCES" });
  });
});
