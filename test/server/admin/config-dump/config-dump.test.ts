import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { configDump } from "../../../../src/server/admin/config-dump/config-dump.ts";
import { ADMIN_ENDPOINTS } from "../../../../src/server/admin/endpoints.ts";
import { MemoryClient } from "../../../kit/memory-client.ts";
import {
  bootstrap,
  discovery,
  fileSource,
  httpListener,
  routeConfig,
  socketAddress,
  staticCluster,
} from "../../configs.ts";
import { ServerFixture } from "../../server-fixture.ts";

const LDS = "/dynamic/lds.yaml";
const CDS = "/dynamic/cds.yaml";
const RDS = "/dynamic/rds.yaml";

let fixture: ServerFixture;
afterEach(() => fixture.close());

type Json = { [name: string]: Json } & Json[] & string;

async function dump(query: string = ""): Promise<Json[]> {
  const { configs } = await fixture.json(`/config_dump${query}`);
  return (configs ?? []) as Json[];
}

async function section(name: string, query: string = ""): Promise<Json> {
  const all = await dump(query);
  const found = all.find((one) => one["@type"] === `type.googleapis.com/envoy.admin.v3.${name}`);
  assert.ok(found, `there is no ${name}`);
  return found;
}

async function start(parts: Parameters<typeof bootstrap>[0]): Promise<void> {
  fixture = await ServerFixture.create(bootstrap(parts));
  await fixture.upstream(1001, "one");
}

const STATIC = {
  clusters: [staticCluster("one", [1001]), staticCluster("two", [1002])],
  listeners: [httpListener({ name: "main", port: 8080 }), httpListener({ port: 8081 })],
};

describe("the dump of static configuration", () => {
  it("is one of the admin pages", async () => {
    await start(STATIC);
    assert.ok(ADMIN_ENDPOINTS.includes(configDump));
  });

  it("has Envoy's sections in Envoy's order", async () => {
    await start(STATIC);
    await fixture.start();
    assert.deepEqual(
      (await dump("?include_eds")).map((one) => one["@type"]?.replace(/.*\.v3\./, "")),
      [
        "BootstrapConfigDump",
        "ClustersConfigDump",
        "EndpointsConfigDump",
        "ListenersConfigDump",
        "ScopedRoutesConfigDump",
        "RoutesConfigDump",
        "SecretsConfigDump",
      ],
    );
    assert.equal((await dump()).length, 6);
  });

  it("shows the whole bootstrap", async () => {
    await start({ ...STATIC, more: { node: { id: "n" }, stats_flush_interval: "7s" } });
    await fixture.start();
    const { bootstrap: shown } = await section("BootstrapConfigDump");
    assert.equal(shown?.["node"]?.["id"], "n");
    assert.equal(shown?.["stats_flush_interval"], "7s");
    const names = shown?.["static_resources"]?.["clusters"] as Json;
    assert.deepEqual(
      names.map((one) => one["name"]),
      ["one", "two"],
    );
    assert.equal(shown?.["static_resources"]?.["listeners"]?.length, 2);
  });

  it("shows resources with their type and time, an unnamed one as it was written", async () => {
    await start(STATIC);
    await fixture.start();
    const clusters = (await section("ClustersConfigDump"))["static_clusters"] as Json;
    assert.equal(clusters[0]?.["cluster"]?.["name"], "one");
    assert.match(String(clusters[0]?.["last_updated"]), /^2024-01-01T00:00:00\.\d{3}Z$/);
    const listeners = (await section("ListenersConfigDump"))["static_listeners"] as Json;
    assert.equal(
      listeners[1]?.["listener"]?.["@type"],
      "type.googleapis.com/envoy.config.listener.v3.Listener",
    );
    assert.equal(listeners[1]?.["listener"]?.["name"], undefined);
    const routes = (await section("RoutesConfigDump"))["static_route_configs"] as Json;
    assert.deepEqual(
      routes.map((one) => one["route_config"]?.["name"]),
      ["main_routes", "8081_routes"],
    );
  });

  it("shows endpoints in force when asked to", async () => {
    await start(STATIC);
    await fixture.start();
    const all = await section("EndpointsConfigDump", "?include_eds");
    assert.deepEqual(all["static_endpoint_configs"]?.[0]?.["endpoint_config"], {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      cluster_name: "one",
      endpoints: [
        {
          locality: {},
          lb_endpoints: [
            {
              endpoint: { address: socketAddress(1001), health_check_config: {} },
              health_status: "HEALTHY",
              load_balancing_weight: 1,
            },
          ],
          load_balancing_weight: 0,
        },
      ],
      policy: { overprovisioning_factor: 140 },
    });
  });

  it("never shows a secret", async () => {
    const secret = {
      name: "cert",
      tls_certificate: {
        certificate_chain: { inline_string: "PUBLIC" },
        private_key: { inline_string: "HIDDEN" },
        password: { inline_bytes: "SElEREVO" },
      },
    };
    const text = JSON.parse(bootstrap(STATIC)) as { static_resources: Record<string, unknown> };
    text.static_resources["secrets"] = [secret];
    fixture = await ServerFixture.create(JSON.stringify(text));
    await fixture.start();
    const { body } = await fixture.get("/config_dump");
    assert.doesNotMatch(body, /HIDDEN|SElEREVO/);
    assert.match(body, /PUBLIC/);
    const [shown] = await dump("?resource=static_secrets");
    assert.equal(
      shown?.["secret"]?.["tls_certificate"]?.["private_key"]?.["inline_string"],
      "[redacted]",
    );
  });
});

describe("queries of the dump", () => {
  const query = async (text: string): Promise<Json[]> => {
    await start(STATIC);
    await fixture.start();
    return dump(text);
  };
  const refusal = async (text: string): Promise<readonly [number, string]> => {
    await start(STATIC);
    await fixture.start();
    const { status, body } = await fixture.get(`/config_dump${text}`);
    return [status, body];
  };

  it("a resource is a list of its elements", async () => {
    const shown = await query("?resource=static_clusters&mask=cluster.name");
    assert.deepEqual(shown, [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
        cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "one" },
      },
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
        cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "two" },
      },
    ]);
  });

  it("name_regex must match the whole name", async () => {
    assert.equal((await query("?resource=static_clusters&name_regex=tw.")).length, 1);
    await fixture.close();
    assert.deepEqual(await query("?resource=static_clusters&name_regex=t"), []);
  });

  it("a mask leaves out sections that it does not fit", async () => {
    assert.deepEqual(await query("?mask=bootstrap.static_resources.clusters,last_updated"), [
      await section(
        "BootstrapConfigDump",
        "?mask=bootstrap.static_resources.clusters,last_updated",
      ),
    ]);
  });

  it("an unknown resource is 404", async () => {
    assert.deepEqual(await refusal("?resource=bad"), [404, "bad not found in config dump"]);
  });

  it("a field that is no list is refused with advice", async () => {
    const [status, body] = await refusal("?resource=version_info");
    assert.equal(status, 400);
    assert.match(body, /not a repeated field\. Use \?mask=version_info/);
  });

  it("a mask that fits nowhere is refused", async () => {
    assert.deepEqual(await refusal("?mask=bad.path"), [
      400,
      "FieldMask bad.path could not be successfully applied to any configs.",
    ]);
  });

  it("a mask through a list is refused", async () => {
    const path = "?resource=static_listeners&mask=listener.filter_chains.name";
    assert.equal((await refusal(path))[0], 400);
  });

  it("a broken name_regex is refused", async () => {
    const [status, body] = await refusal("?name_regex=(");
    assert.equal(status, 400);
    assert.match(body, /^INVALID_ARGUMENT: Error while parsing name_regex from \(/);
  });

  it("endpoints are no resource unless asked for", async () => {
    assert.equal((await refusal("?resource=static_endpoint_configs"))[0], 404);
    const shown = await dump("?resource=static_endpoint_configs&include_eds");
    assert.equal(shown.length, 2);
  });
});

describe("the dump of dynamic configuration", () => {
  const parts = {
    more: { dynamic_resources: { cds_config: fileSource(CDS), lds_config: fileSource(LDS) } },
  };
  const main = httpListener({ name: "main", port: 8080, rdsFile: RDS });

  async function startDynamic(): Promise<void> {
    await start(parts);
    fixture.files.write(CDS, discovery("c1", "cluster", [staticCluster("one", [1001])]));
    fixture.files.write(LDS, discovery("l1", "listener", [main]));
    fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
    await fixture.start();
  }

  async function publish(path: string, text: string): Promise<void> {
    fixture.files.move(path, text);
    await fixture.time.advance(50);
  }

  it("carries versions", async () => {
    await startDynamic();
    const clusters = await section("ClustersConfigDump");
    assert.equal(clusters["version_info"], "c1");
    const [cluster] = clusters["dynamic_active_clusters"] as Json;
    assert.equal(cluster?.["version_info"], "c1");
    assert.equal(cluster?.["cluster"]?.["name"], "one");
    const [listener] = (await section("ListenersConfigDump"))["dynamic_listeners"] as Json;
    assert.equal(listener?.["name"], "main");
    assert.equal(listener?.["active_state"]?.["version_info"], "l1");
    const [routes] = (await section("RoutesConfigDump"))["dynamic_route_configs"] as Json;
    assert.equal(routes?.["version_info"], "r1");
    assert.equal(routes?.["route_config"]?.["name"], "routes");
  });

  it("shows a refused version beside the one in force, until a good one comes", async () => {
    await startDynamic();
    const broken = httpListener({ name: "main", port: 8080, manager: { codec_type: "HTTP3" } });
    await publish(LDS, discovery("l2", "listener", [broken]));
    const [listener] = await dump("?resource=dynamic_listeners");
    assert.equal(listener?.["active_state"]?.["version_info"], "l1");
    const error = listener?.["error_state"];
    assert.equal(error?.["version_info"], "l2");
    assert.match(String(error?.["details"]), /HTTP\/3 is not supported/);
    assert.equal(error?.["failed_configuration"]?.["name"], "main");
    assert.match(String(error?.["last_update_attempt"]), /Z$/);
    await publish(LDS, discovery("l3", "listener", [main]));
    const [good] = await dump("?resource=dynamic_listeners");
    assert.equal(good?.["error_state"], undefined);
  });

  it("shows a cluster that was refused at once", async () => {
    await startDynamic();
    const broken = {
      ...staticCluster("bad", [1]),
      lb_policy: "CLUSTER_PROVIDED",
      transport_socket: {},
    };
    const one = staticCluster("one", [1001]);
    await publish(CDS, discovery("c2", "cluster", [one, broken]));
    const [shown] = await dump("?resource=dynamic_warming_clusters");
    assert.equal(shown?.["error_state"]?.["version_info"], "c2");
    assert.equal(shown?.["cluster"], undefined);
    assert.equal((await dump("?resource=dynamic_active_clusters")).length, 1);
  });

  it("prints a large resource as it prints a small one", async () => {
    await start(parts);
    const hosts = Array.from({ length: 2000 }, (_, i) => ({
      name: `host${i}`,
      domains: [`${i}.example`],
      routes: [{ match: { prefix: "/" }, route: { cluster: "one" } }],
    }));
    fixture.files.write(CDS, discovery("c1", "cluster", [staticCluster("one", [1001])]));
    fixture.files.write(LDS, discovery("l1", "listener", [main]));
    const large = { name: "routes", virtual_hosts: hosts };
    fixture.files.write(RDS, discovery("r1", "routes", [large]));
    await fixture.start();
    const [printed] = await dump("?resource=dynamic_route_configs");
    assert.deepEqual(printed?.["route_config"], {
      "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
      ...large,
    });
    const { body } = await fixture.get("/config_dump");
    assert.equal(body, `${JSON.stringify(JSON.parse(body), null, 1)}\n`);
    const paths = "route_config.name,route_config.virtual_hosts,version_info,last_updated";
    const [masked] = await dump(`?resource=dynamic_route_configs&mask=${paths}`);
    assert.deepEqual(masked, printed);
  });

  it("shows a removed listener while it drains", async () => {
    await startDynamic();
    const client = new MemoryClient(fixture.network, { ip: "127.0.0.1", port: 8080 });
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await fixture.until(() => client.text.includes("one"));
    await publish(LDS, discovery("l2", "listener", []));
    const [draining] = await dump("?resource=dynamic_listeners");
    assert.equal(draining?.["name"], "main");
    assert.equal(draining?.["active_state"], undefined);
    assert.equal(draining?.["draining_state"]?.["version_info"], "l1");
    client.socket.destroy();
    await fixture.time.advance(50);
    assert.deepEqual(await dump("?resource=dynamic_listeners"), []);
  });
});
