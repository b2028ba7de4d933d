import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bootstrap, httpListener, socketAddress, staticCluster } from "../configs.ts";
import { ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;

const ENDPOINTS = {
  cluster_name: "one",
  endpoints: [
    {
      locality: { region: "r", zone: "z", sub_zone: "s" },
      lb_endpoints: [
        {
          endpoint: { hostname: "first", address: socketAddress(1001) },
          load_balancing_weight: 3,
          health_status: "DRAINING",
        },
        { endpoint: { address: socketAddress(1002) }, health_status: "DEGRADED" },
      ],
    },
  ],
};

const TEXT = bootstrap({
  clusters: [
    staticCluster("one", [], {
      alt_stat_name: "alias",
      load_assignment: ENDPOINTS,
      circuit_breakers: { thresholds: [{ max_connections: 5 }] },
    }),
    staticCluster("two", []),
  ],
  listeners: [
    httpListener({
      name: "main",
      port: 8080,
      more: { additional_addresses: [{ address: socketAddress(8081) }] },
    }),
    httpListener({ name: "unbound", port: 8082, more: { bind_to_port: false } }),
  ],
  more: {
    node: { id: "n", cluster: "c", metadata: { a: 1 }, locality: { region: "r" } },
    layered_runtime: {
      layers: [
        { name: "base", static_layer: { a: { b: 1 }, on: true } },
        { name: "changes", admin_layer: {} },
      ],
    },
  },
});

before(async () => {
  fixture = await ServerFixture.create(TEXT);
  await fixture.upstream(1002, "two");
  await fixture.start();
});
after(() => fixture.close());

describe("unknown and wrong requests", () => {
  it("a path that does not exist gets 404 and the list of pages", async () => {
    const { status, body, contentType } = await fixture.get("/nope?x=1");
    assert.equal(status, 404);
    assert.equal(contentType, "text/plain; charset=UTF-8");
    assert.match(body, /^invalid path\. admin commands are:\n {2}\/: Admin home page\n/);
    const paths = body.match(/^ {2}\/\S*/gm) ?? [];
    assert.equal(new Set(paths).size, paths.length);
  });

  it("a slash too much is another path", async () => {
    assert.equal((await fixture.get("/ready/")).status, 404);
  });

  for (const path of ["/quitquitquit", "/reset_counters", "/logging", "/runtime_modify?a=b"]) {
    it(`GET ${path} changes nothing and gets 405`, async () => {
      const { status, body } = await fixture.get(path);
      assert.deepEqual([status, body], [405, "Method GET not allowed, POST required."]);
    });
  }

  it("answers a page that only shows something to any method", async () => {
    const { status, body } = await fixture.request(9901, "PUT /ready");
    assert.deepEqual([status, body], [200, "LIVE\n"]);
  });

  it("a body over the limit is refused and the server lives on", async () => {
    const { status } = await fixture.post("/runtime_modify", "x".repeat((1 << 20) + 1));
    assert.equal(status, 413);
    assert.equal((await fixture.get("/ready")).status, 200);
  });

  it("broken percent escapes are taken as they are", async () => {
    assert.equal((await fixture.get("/stats?filter=%zz%")).status, 200);
  });
});

describe("answers", () => {
  it("forbid caching and guessing of types", async () => {
    const { headers } = await fixture.get("/ready");
    assert.ok(headers.includes("cache-control: no-cache, max-age=0"));
    assert.ok(headers.includes("x-content-type-options: nosniff"));
    assert.ok(headers.includes("server: envoy"));
  });

  it("count in http.admin and listener.admin", async () => {
    const before = fixture.stat("http.admin.downstream_rq_total") ?? 0;
    await fixture.get("/ready");
    assert.equal(fixture.stat("http.admin.downstream_rq_total"), before + 1);
    assert.equal(fixture.stat("listener.admin.downstream_cx_total"), before + 1);
    assert.equal(fixture.stat("listener.admin.main_thread.downstream_cx_total"), before + 1);
    assert.ok((fixture.stat("listener.admin.http.admin.downstream_rq_2xx") ?? 0) > 0);
  });
});

describe("/ and /help", () => {
  it("list every page, with POST and parameters", async () => {
    const { body } = await fixture.get("/help");
    assert.match(body, /^ {2}\/drain_listeners \(POST\): drain listeners$/m);
    assert.match(body, /^ {6}format: File format to use; One of \(text, json\)$/m);
    const home = await fixture.get("/");
    assert.equal(home.contentType, "text/html; charset=UTF-8");
    assert.match(home.body, /<form id="reset_counters" action="reset_counters" method="post">/);
    assert.match(home.body, /<a href="certs">certs<\/a>/);
  });
});

describe("/listeners", () => {
  it("prints name and address, every address", async () => {
    assert.equal(
      (await fixture.get("/listeners")).body,
      "main::127.0.0.1:8080\nmain::127.0.0.1:8081\nunbound::127.0.0.1:8082\n",
    );
  });

  it("has a JSON form", async () => {
    assert.deepEqual(await fixture.json("/listeners?format=json"), {
      listener_statuses: [
        {
          name: "main",
          local_address: socketAddress(8080),
          additional_local_addresses: [socketAddress(8081)],
        },
        { name: "unbound", local_address: socketAddress(8082) },
      ],
    });
  });
});

describe("/clusters", () => {
  it("prints limits, then hosts with numbers, health and place", async () => {
    await fixture.request(8080, "GET /");
    const { body } = await fixture.get("/clusters");
    const lines = body.split("\n");
    assert.deepEqual(lines.slice(0, 3), [
      "one::observability_name::alias",
      "one::default_priority::max_connections::5",
      "one::default_priority::max_pending_requests::1024",
    ]);
    for (const line of [
      "one::high_priority::max_retries::3",
      "one::added_via_api::false",
      "one::127.0.0.1:1001::hostname::first",
      "one::127.0.0.1:1001::weight::3",
      "one::127.0.0.1:1001::health_flags::/eds_status_draining",
      "one::127.0.0.1:1001::sub_zone::s",
      "one::127.0.0.1:1002::health_flags::/degraded_eds_health",
      "one::127.0.0.1:1002::rq_success::1",
      "one::127.0.0.1:1002::success_rate::-1",
      "two::observability_name::two",
    ]) {
      assert.ok(lines.includes(line), `${line} is missing in:\n${body}`);
    }
  });

  it("has a JSON form that leaves zeros out", async () => {
    const { cluster_statuses } = (await fixture.json("/clusters?format=json")) as {
      cluster_statuses: Record<string, unknown>[];
    };
    const [one, two] = cluster_statuses;
    assert.deepEqual(two, {
      name: "two",
      circuit_breakers: two?.["circuit_breakers"],
      observability_name: "two",
    });
    const [first, second] = (one as unknown as { host_statuses: Record<string, unknown>[] })
      .host_statuses;
    assert.deepEqual(first?.["health_status"], { eds_health_status: "DRAINING" });
    assert.deepEqual(first?.["locality"], { region: "r", zone: "z", sub_zone: "s" });
    assert.equal(first?.["hostname"], "first");
    const stats = second?.["stats"] as { name: string; value?: string; type?: string }[];
    assert.deepEqual(
      stats.find(({ name }) => name === "cx_total"),
      { name: "cx_total", value: "1" },
    );
    assert.deepEqual(
      stats.find(({ name }) => name === "rq_active"),
      { type: "GAUGE", name: "rq_active" },
    );
  });
});

describe("/server_info", () => {
  it("shows version, state, flags and node", async () => {
    const info = await fixture.json("/server_info");
    assert.equal(info["state"], "LIVE");
    assert.match(String(info["version"]), /^outrigger\/\d+\.\d+\.\d+\/Clean\/RELEASE\//);
    assert.match(String(info["uptime_current_epoch"]), /^\d+s$/);
    const options = info["command_line_options"] as Record<string, unknown>;
    assert.equal(options["concurrency"], 1);
    assert.equal(options["log_level"], "info");
    const node = info["node"] as Record<string, unknown>;
    assert.equal(node["id"], "n");
    assert.deepEqual(node["metadata"], { a: 1 });
    assert.deepEqual(node["locality"], { region: "r", zone: "", sub_zone: "" });
    const names = (node["extensions"] as { name: string }[]).map(({ name }) => name);
    assert.ok(names.includes("envoy.filters.network.tcp_proxy"));
  });
});

describe("/runtime", () => {
  it("shows layers and values, and takes changes", async () => {
    assert.equal((await fixture.post("/runtime_modify?a.b=2&new=x")).body, "OK\n");
    const { layers, entries } = (await fixture.json("/runtime")) as {
      layers: string[];
      entries: Record<string, { final_value: string; layer_values: string[] }>;
    };
    assert.deepEqual(layers, ["base", "changes"]);
    assert.deepEqual(entries["a.b"], { final_value: "2", layer_values: ["1", "2"] });
    assert.equal(entries["new"]?.final_value, "x");
    assert.equal(fixture.stat("runtime.admin_overrides_active"), 1);
    await fixture.post("/runtime_modify", "a.b=&new=");
    const after = (await fixture.json("/runtime"))["entries"] as Record<string, object>;
    assert.deepEqual(after["a.b"], { final_value: "1", layer_values: ["1", ""] });
    assert.equal(after["new"], undefined);
    assert.equal(fixture.stat("runtime.admin_overrides_active"), 0);
  });

  it("says how to write a change when there is none", async () => {
    const { status, body } = await fixture.post("/runtime_modify");
    assert.equal(status, 400);
    assert.match(body, /^usage: \/runtime_modify\?key1=value1/);
  });
});

describe("/logging", () => {
  it("changes levels and lists them", async () => {
    const { body } = await fixture.post("/logging?upstream=debug");
    assert.match(body, /^active loggers:\n/);
    assert.match(body, /^ {2}upstream: debug$/m);
    assert.match((await fixture.post("/logging?level=info")).body, /^ {2}upstream: info$/m);
    assert.equal((await fixture.post("/logging?level=loud")).status, 400);
  });
});

describe("health", () => {
  it("failing makes the server drain for those who ask, until it is ok again", async () => {
    assert.equal((await fixture.post("/healthcheck/fail")).body, "OK\n");
    const { status, body } = await fixture.get("/ready");
    assert.deepEqual([status, body], [503, "DRAINING\n"]);
    assert.equal(fixture.stat("server.live"), 0);
    assert.equal(fixture.stat("server.state"), 1);
    assert.equal((await fixture.request(8080, "GET /")).status, 200);
    await fixture.post("/healthcheck/ok");
    assert.equal((await fixture.get("/ready")).status, 200);
  });

  it("skip_exit needs graceful", async () => {
    const { status, body } = await fixture.post("/drain_listeners?skip_exit");
    assert.deepEqual([status, body], [400, "skip_exit requires graceful\n"]);
  });
});

describe("/stats", () => {
  it("filters, knows JSON, HTML and Prometheus", async () => {
    assert.equal((await fixture.get("/stats?filter=^server.live$")).body, "server.live: 1\n");
    assert.deepEqual(await fixture.json("/stats?format=json&filter=^server.live$"), {
      stats: [{ name: "server.live", value: 1 }],
    });
    const page = await fixture.get("/stats?format=html&filter=^server.live$");
    assert.equal(page.contentType, "text/html; charset=UTF-8");
    assert.match(page.body, /server\.live: 1/);
    const { body, contentType } = await fixture.get("/stats/prometheus?filter=^server.live$");
    assert.match(body, /^envoy_server_live(\{\})? 1$/m);
    assert.match(contentType, /^text\/plain/);
  });

  it("refuses what it does not know", async () => {
    assert.equal((await fixture.get("/stats?filter=(")).body, "Invalid re2 regex");
    assert.equal((await fixture.get("/stats?type=bad")).status, 400);
    assert.equal((await fixture.get("/stats?format=bad")).status, 400);
  });

  it("resets counters and only those", async () => {
    await fixture.request(8080, "GET /");
    assert.notEqual(fixture.stat("http.main.downstream_rq_total"), 0);
    assert.equal((await fixture.post("/reset_counters")).body, "OK\n");
    assert.equal(fixture.stat("http.main.downstream_rq_total"), 0);
    assert.equal(fixture.stat("server.live"), 1);
  });

  it("says whether lookups are recorded", async () => {
    assert.match((await fixture.get("/stats/recentlookups")).body, /^Lookup tracking is not/);
    await fixture.post("/stats/recentlookups/enable");
    assert.match((await fixture.get("/stats/recentlookups")).body, /^ {3}Count Lookup\n/);
    await fixture.post("/stats/recentlookups/disable");
    assert.match((await fixture.get("/stats/recentlookups")).body, /^Lookup tracking is not/);
  });
});

describe("small pages", () => {
  it("show memory as text numbers", async () => {
    assert.deepEqual(await fixture.json("/memory"), {
      allocated: "1000",
      heap_size: "3000",
      pageheap_unmapped: "0",
      pageheap_free: "2000",
      total_thread_cache: "0",
      total_physical_bytes: "7000",
    });
  });

  it("say what there is none of", async () => {
    assert.deepEqual(await fixture.json("/certs"), { certificates: [] });
    assert.equal((await fixture.get("/hot_restart_version")).body, "disabled");
    assert.match((await fixture.get("/contention")).body, /not enabled/);
    assert.equal((await fixture.post("/heapprofiler")).status, 501);
    assert.match((await fixture.get("/unsupported")).body, /^Everything/);
  });

  it("ask the process to end and to open its logs again", async () => {
    assert.equal((await fixture.post("/reopen_logs")).body, "OK\n");
    assert.equal(fixture.reopens, 1);
    assert.equal((await fixture.post("/quitquitquit")).body, "OK\n");
    assert.equal(fixture.quits, 1);
  });
});
