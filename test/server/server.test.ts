import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { bootstrap, httpListener, staticCluster } from "./configs.ts";
import { ARRANGEMENTS, ServerFixture } from "./server-fixture.ts";

let fixture: ServerFixture;
afterEach(() => fixture.close());

const ONE = staticCluster("one", [1001]);
const TWO = staticCluster("two", [1002]);

async function running(text: string, options: object = {}): Promise<ServerFixture> {
  fixture = await ServerFixture.create(text, options);
  await fixture.upstream(1001, "one");
  await fixture.upstream(1002, "two");
  await fixture.start();
  return fixture;
}

function severities(diagnostics: readonly { severity: string; path: string }[]): string[] {
  return diagnostics.map(({ severity, path }) => `${severity} ${path}`);
}

for (const { dataPlanes, onThreads } of ARRANGEMENTS) {
  describe(`a server with ${dataPlanes} data plane(s)${onThreads ? " on threads" : ""}`, () => {
    const start = (text: string, more: object = {}): Promise<ServerFixture> =>
      running(text, { dataPlanes, onThreads, ...more });
    const basic = bootstrap({
      clusters: [ONE],
      listeners: [httpListener({ name: "main", port: 8080 })],
    });

    it("serves what the bootstrap says and is live", async () => {
      await start(basic);
      assert.equal(fixture.server.state, "LIVE");
      for (let count = 0; count < 4; count++) {
        const answer = await fixture.request(8080, "GET /");
        assert.equal(answer.body, "one");
      }
      assert.equal(fixture.stat("http.main.downstream_rq_total"), 4);
      assert.equal(fixture.stat("cluster.one.upstream_rq_total"), 4);
      assert.equal(fixture.stat("server.concurrency"), dataPlanes);
    });

    it("counts configuration once and traffic on all", async () => {
      await start(basic);
      assert.equal(fixture.stat("listener_manager.listener_added"), 1);
      // Each worker, as in Envoy.
      assert.equal(fixture.stat("listener_manager.listener_create_success"), dataPlanes);
      assert.equal(fixture.stat("listener_manager.total_listeners_active"), 1);
      assert.equal(fixture.stat("listener_manager.workers_started"), 1);
      assert.equal(fixture.stat("cluster_manager.active_clusters"), 1);
      assert.equal(fixture.stat("cluster.one.membership_total"), 1);
    });

    it("shows one sum of all connections per host", async () => {
      await start(basic);
      for (let count = 0; count < 4; count++) await fixture.request(8080, "GET /");
      const { body } = await fixture.get("/clusters");
      assert.match(body, /^one::127\.0\.0\.1:1001::rq_total::4$/m);
    });

    it("applies a changed bootstrap without losing what did not change", async () => {
      await start(basic);
      const diagnostics = await fixture.reload(
        bootstrap({
          clusters: [ONE, TWO],
          listeners: [
            httpListener({ name: "main", port: 8080 }),
            httpListener({ name: "second", port: 8081, cluster: "two" }),
          ],
        }),
      );
      assert.deepEqual(severities(diagnostics), []);
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
      assert.equal((await fixture.request(8081, "GET /")).body, "two");
      assert.equal(fixture.stat("listener_manager.listener_modified"), 0);
    });

    it("removes a listener that is no longer written", async () => {
      const second = httpListener({ name: "second", port: 8081 });
      const main = httpListener({ name: "main", port: 8080 });
      await start(bootstrap({ clusters: [ONE], listeners: [main, second] }));
      await fixture.reload(bootstrap({ clusters: [ONE], listeners: [main] }));
      assert.deepEqual(fixture.network.listening().includes("127.0.0.1:8081"), false);
      assert.equal((await fixture.get("/listeners")).body, "main::127.0.0.1:8080\n");
    });

    it("keeps the old configuration when the new one is broken", async () => {
      await start(basic);
      const dangling = httpListener({ name: "main", port: 8080, cluster: "missing" });
      const diagnostics = await fixture.reload(
        bootstrap({ clusters: [ONE], listeners: [dangling] }),
      );
      assert.equal(diagnostics.length, 1);
      assert.match(diagnostics[0]?.path ?? "", /^static_resources\.listeners\[0\]\.filter_chains/);
      assert.match(diagnostics[0]?.message ?? "", /missing/);
      assert.equal(diagnostics[0]?.source?.line, 1);
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
    });

    it("keeps the old configuration when the file is unreadable", async () => {
      await start(basic);
      assert.equal((await fixture.reload("{ broken"))[0]?.severity, "error");
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
    });

    it("gives a listener without a name its addresses, and removes it by them", async () => {
      await start(bootstrap({ clusters: [ONE], listeners: [httpListener({ port: 8080 })] }));
      const { body } = await fixture.get("/listeners");
      assert.equal(body, "listener:127.0.0.1:8080::127.0.0.1:8080\n");
      const moved = bootstrap({ clusters: [ONE], listeners: [httpListener({ port: 8081 })] });
      assert.deepEqual(severities(await fixture.reload(moved)), []);
      assert.equal((await fixture.request(8081, "GET /")).body, "one");
      assert.equal(fixture.network.listening().includes("127.0.0.1:8080"), false);
      assert.equal(fixture.server.store.all(LISTENER).length, 1);
    });

    it("says by name which changed sections need a restart", async () => {
      await start(basic);
      const changed = JSON.parse(basic) as Record<string, unknown>;
      changed["stats_flush_interval"] = "7s";
      changed["layered_runtime"] = { layers: [{ name: "a", admin_layer: {} }] };
      changed["admin"] = { address: { pipe: { path: "/run/admin" } } };
      const diagnostics = await fixture.reload(JSON.stringify(changed));
      assert.deepEqual(severities(diagnostics).sort(), [
        "warning admin",
        "warning layered_runtime",
        "warning stats_flush_interval",
      ]);
    });

    it("finds errors in sections that it does not apply", async () => {
      await start(basic);
      const changed = JSON.parse(basic) as Record<string, unknown>;
      const layer = { name: "twice", admin_layer: {} };
      changed["layered_runtime"] = { layers: [layer, layer] };
      const diagnostics = await fixture.reload(JSON.stringify(changed));
      assert.deepEqual(severities(diagnostics), ["error layered_runtime.layers[1].name"]);
    });
  });
}

const LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener";

describe("the start of a server", () => {
  it("refuses a dangling cluster with its place and runs nothing", async () => {
    fixture = await ServerFixture.create(
      bootstrap({ listeners: [httpListener({ name: "main", port: 8080, cluster: "nowhere" })] }),
    );
    const diagnostics = await fixture.settled(fixture.server.start());
    assert.equal(diagnostics.filter(({ severity }) => severity === "error").length, 1);
    assert.match(diagnostics[0]?.message ?? "", /nowhere/);
    assert.equal(fixture.server.state, "PRE_INITIALIZING");
    assert.deepEqual(fixture.network.listening(), []);
  });

  it("keeps what serves when a reload cannot bind, and goes on from there", async () => {
    const at = (name: string, port: number): string =>
      bootstrap({ clusters: [ONE], listeners: [httpListener({ name, port })] });
    await running(at("old", 8080));
    fixture.network.denyBind({ ip: "127.0.0.1", port: 8081 }, "EADDRINUSE");
    const moved = bootstrap({
      clusters: [TWO],
      listeners: [httpListener({ name: "new", port: 8081, cluster: "two" })],
    });
    const diagnostics = await fixture.reload(moved);
    assert.match(diagnostics[0]?.message ?? "", /cannot bind to 127\.0\.0\.1:8081/);
    assert.equal(fixture.reloadOutcome, "partly applied");
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
    await fixture.reload(at("other", 8082));
    assert.equal(fixture.reloadOutcome, "applied");
    assert.equal((await fixture.request(8082, "GET /")).body, "one");
    assert.equal((await fixture.get("/listeners")).body, "other::127.0.0.1:8082\n");
    assert.equal(fixture.stat("cluster_manager.active_clusters"), 1);
  });

  it("reports a port in use and serves nothing", async () => {
    fixture = await ServerFixture.create(
      bootstrap({ clusters: [ONE], listeners: [httpListener({ name: "main", port: 8080 })] }),
    );
    fixture.network.denyBind({ ip: "127.0.0.1", port: 8080 }, "EADDRINUSE");
    const diagnostics = await fixture.settled(fixture.server.start());
    assert.match(diagnostics[0]?.message ?? "", /cannot bind to 127\.0\.0\.1:8080.*in use/);
  });

  it("tells on the admin port that it is not ready while a cluster still warms", async () => {
    const cluster = {
      name: "one",
      type: "STRICT_DNS",
      load_assignment: {
        cluster_name: "one",
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: "up", port_value: 1001 } } } },
            ],
          },
        ],
      },
    };
    fixture = await ServerFixture.create(
      bootstrap({
        clusters: [cluster],
        listeners: [httpListener({ name: "main", port: 8080 })],
      }),
    );
    fixture.dns.set("up", ["127.0.0.1"]);
    fixture.dns.hold();
    const started = fixture.server.start(() => fixture.openAdmin());
    await fixture.until(() => fixture.network.listening().includes("127.0.0.1:9901"));
    const answer = await fixture.get("/ready");
    assert.deepEqual([answer.status, answer.body], [503, "INITIALIZING\n"]);
    const dump = (await fixture.get("/init_dump")).body;
    assert.match(dump, /init target cluster one/);
    fixture.dns.release();
    assert.deepEqual(severities(await fixture.settled(started)), []);
    assert.equal((await fixture.get("/ready")).status, 200);
    assert.equal((await fixture.get("/init_dump")).body, "{}\n");
  });

  it("counts unknown fields that it was told to skip", async () => {
    const text = JSON.parse(bootstrap({ clusters: [ONE] })) as Record<string, unknown>;
    text["no_such_field"] = 1;
    await running(JSON.stringify(text), {
      source: { files: ["/etc/proxy/envoy.yaml"], allowUnknownFields: true },
    });
    assert.equal(fixture.stat("server.static_unknown_fields"), 1);
  });
});

describe("a running server", () => {
  const basic = bootstrap({
    clusters: [ONE],
    listeners: [
      httpListener({ name: "main", port: 8080, more: { traffic_direction: "INBOUND" } }),
      httpListener({ name: "out", port: 8081, more: { traffic_direction: "OUTBOUND" } }),
    ],
  });

  it("shows numbers about itself as Envoy does", async () => {
    await running(basic);
    await fixture.time.advance(3000);
    await fixture.get("/stats");
    assert.equal(fixture.stat("server.days_until_first_cert_expiring"), 4294967295);
    assert.equal(fixture.stat("server.live"), 1);
    assert.equal(fixture.stat("server.state"), 0);
    assert.equal(fixture.stat("server.uptime"), 3);
    assert.equal(fixture.stat("server.version"), 100);
    assert.equal(fixture.stat("server.memory_allocated"), 1000);
    assert.equal(fixture.stat("server.total_connections"), 0);
  });

  it("shows the version that stats_server_version_override gives", async () => {
    await running(bootstrap({ more: { stats_server_version_override: 77 } }));
    assert.equal(fixture.stat("server.version"), 77);
  });

  it("ends histogram intervals by time", async () => {
    await running(basic);
    await fixture.request(8080, "GET /");
    const name = "http.main.downstream_rq_time";
    const shown = (): Promise<string> =>
      fixture.get(`/stats?filter=^${name}$`).then(({ body }) => body);
    assert.match(await shown(), /P0\(nan,0\)/);
    await fixture.time.advance(5200);
    assert.match(await shown(), /P0\(0,0\)/);
    await fixture.time.advance(5200);
    assert.match(await shown(), /P0\(nan,0\)/);
  });

  it("ends histogram intervals when somebody looks, if it is told so", async () => {
    const text = JSON.parse(basic) as Record<string, unknown>;
    text["stats_flush_on_admin"] = true;
    await running(JSON.stringify(text));
    await fixture.request(8080, "GET /");
    await fixture.time.advance(20_000);
    const { body } = await fixture.get("/stats?filter=^http.main.downstream_rq_time$");
    assert.match(body, /P0\(0,0\)/);
  });

  it("drains gracefully: answers end their connections, then listeners stop", async () => {
    await running(basic);
    assert.equal((await fixture.post("/drain_listeners?graceful&inboundonly")).body, "OK\n");
    await fixture.time.advance(9990);
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
    await fixture.time.advance(100);
    const listening = fixture.network.listening();
    assert.equal(listening.includes("127.0.0.1:8080"), false);
    assert.equal(listening.includes("127.0.0.1:8081"), true);
    assert.equal(fixture.server.state, "LIVE");
  });

  it("drains gracefully without stopping when skip_exit says so", async () => {
    await running(basic);
    await fixture.post("/drain_listeners?graceful&skip_exit");
    await fixture.time.advance(60_000);
    assert.equal(fixture.network.listening().includes("127.0.0.1:8080"), true);
    const answer = await fixture.request(8080, "GET /");
    assert.ok(answer.headers.includes("connection: close"));
  });

  it("names a cluster that asks for HTTP/2 on a page, in the log's diagnostics and in a gauge", async () => {
    const modern = staticCluster("modern", [1001], { http2_protocol_options: {} });
    const text = bootstrap({
      clusters: [modern],
      listeners: [httpListener({ name: "main", port: 8080, cluster: "modern" })],
    });
    fixture = await ServerFixture.create(text);
    const diagnostics = await fixture.start();
    assert.match(diagnostics.map(({ message }) => message).join(), /HTTP\/2/);
    const page = await fixture.get("/unsupported");
    assert.match(page.body, /^cluster "modern": static_resources\.clusters\[0\].*HTTP\/2/m);
    assert.equal(fixture.stat("cluster.modern.http2_not_supported"), 1);
    assert.equal(fixture.stat("outrigger.unsupported_fields"), 1);
    assert.equal((await fixture.request(8080, "GET /")).status, 503);
    await fixture.reload(bootstrap({ clusters: [staticCluster("modern", [1001])] }));
    assert.equal(fixture.stat("cluster.modern.http2_not_supported"), null);
    assert.equal(fixture.stat("outrigger.unsupported_fields"), 0);
  });

  it("names a listener that asks for HTTP/2, and refuses its requests", async () => {
    const manager = { codec_type: "HTTP2" };
    await running(
      bootstrap({
        clusters: [ONE],
        listeners: [httpListener({ name: "h2", port: 8080, manager })],
      }),
    );
    assert.equal(fixture.stat("listener.h2.http2_not_supported"), 1);
    assert.equal((await fixture.request(8080, "GET /")).body, "http2 is not supported yet");
    const { unsupported } = await fixture.json("/unsupported?format=json");
    assert.equal((unsupported as { resource: string }[])[0]?.resource, "h2");
  });
});
