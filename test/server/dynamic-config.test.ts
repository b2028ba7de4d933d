import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import {
  bootstrap,
  discovery,
  fileSource,
  httpListener,
  routeConfig,
  socketAddress,
  staticCluster,
} from "./configs.ts";
import { ARRANGEMENTS, ServerFixture } from "./server-fixture.ts";

const CDS = "/dynamic/cds.yaml";
const LDS = "/dynamic/lds.yaml";
const RDS = "/dynamic/rds.yaml";
const EDS = "/dynamic/eds.yaml";

const DYNAMIC = bootstrap({
  more: { dynamic_resources: { cds_config: fileSource(CDS), lds_config: fileSource(LDS) } },
});

const ONE = staticCluster("one", [1001]);
const TWO = staticCluster("two", [1002]);
const EDS_CLUSTER = {
  name: "eds",
  type: "EDS",
  eds_cluster_config: { eds_config: fileSource(EDS), service_name: "service" },
};

function endpoints(port: number): object {
  const endpoint = { endpoint: { address: socketAddress(port) } };
  return { cluster_name: "service", endpoints: [{ lb_endpoints: [endpoint] }] };
}

let fixture: ServerFixture;
afterEach(() => fixture.close());

async function create(text: string, options: object = {}): Promise<void> {
  fixture = await ServerFixture.create(text, options);
  await fixture.upstream(1001, "one");
  await fixture.upstream(1002, "two");
}

/** Moves a file into place and waits until the subscription has taken or refused it. */
async function publish(path: string, text: string, prefix: string): Promise<void> {
  const before = outcomes(prefix);
  fixture.files.move(path, text);
  await fixture.until(() => outcomes(prefix) > before);
  await fixture.time.advance(5);
}

function outcomes(prefix: string): number {
  const names = ["update_success", "update_rejected", "update_failure"];
  return names.reduce((sum, name) => sum + (fixture.stat(`${prefix}.${name}`) ?? 0), 0);
}

for (const { dataPlanes, onThreads } of ARRANGEMENTS) {
  describe(`clusters and listeners from files with ${dataPlanes} data plane(s)${onThreads ? " on threads" : ""}`, () => {
    const start = async (
      listeners: readonly object[],
      clusters: readonly object[],
    ): Promise<void> => {
      await create(DYNAMIC, { dataPlanes, onThreads });
      fixture.files.write(CDS, discovery("c1", "cluster", clusters));
      fixture.files.write(LDS, discovery("l1", "listener", listeners));
      await fixture.start();
    };

    it("serves before the start is over", async () => {
      await start([httpListener({ name: "main", port: 8080 })], [ONE]);
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
      assert.equal(fixture.stat("cluster_manager.cds.update_success"), 1);
      assert.equal(fixture.stat("cluster_manager.cds.config_reload"), 1);
      assert.equal(fixture.stat("listener_manager.lds.update_success"), 1);
    });

    it("adds, changes and removes listeners as the file says", async () => {
      await start([httpListener({ name: "main", port: 8080 })], [ONE, TWO]);
      const changed = httpListener({ name: "main", port: 8080, cluster: "two" });
      const added = httpListener({ name: "more", port: 8081 });
      await publish(LDS, discovery("l2", "listener", [changed, added]), "listener_manager.lds");
      assert.equal((await fixture.request(8080, "GET /")).body, "two");
      assert.equal((await fixture.request(8081, "GET /")).body, "one");
      await publish(LDS, discovery("l3", "listener", [added]), "listener_manager.lds");
      assert.equal((await fixture.get("/listeners")).body, "more::127.0.0.1:8081\n");
      const changes = fixture.log.filter((line) => / (add|remove).* listener /.test(line));
      assert.deepEqual(changes.slice(-3), [
        'info config: add/update listener "main"',
        'info config: add/update listener "more"',
        'info config: remove listener "main"',
      ]);
    });

    it("takes the good listeners of a version and keeps the old one of a bad one", async () => {
      await start([httpListener({ name: "main", port: 8080 })], [ONE]);
      const bad = httpListener({ name: "main", port: 8080, manager: { codec_type: "HTTP3" } });
      const good = httpListener({ name: "good", port: 8081 });
      await publish(LDS, discovery("l2", "listener", [bad, good]), "listener_manager.lds");
      assert.equal(fixture.stat("listener_manager.lds.update_rejected"), 1);
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
      assert.equal((await fixture.request(8081, "GET /")).body, "one");
      assert.match(fixture.log.join("\n"), /HTTP\/3 is not supported/);
    });

    it("removes clusters, and requests to them find none", async () => {
      await start([httpListener({ name: "main", port: 8080 })], [ONE]);
      await publish(CDS, discovery("c2", "cluster", []), "cluster_manager.cds");
      assert.equal((await fixture.request(8080, "GET /")).status, 503);
      assert.equal((await fixture.get("/clusters")).body, "");
    });

    it("goes on with the routes it has when a listener is replaced while their file is broken", async () => {
      await create(DYNAMIC, { dataPlanes, onThreads });
      fixture.files.write(CDS, discovery("c1", "cluster", [ONE]));
      fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
      const first = httpListener({ name: "main", port: 8080, rdsFile: RDS });
      fixture.files.write(LDS, discovery("l1", "listener", [first]));
      await fixture.start();
      await publish(RDS, "not: [valid", "http.main.rds.routes");
      const lds = "listener_manager.lds";
      const buffers = { per_connection_buffer_limit_bytes: 9000 };
      const changed = httpListener({ name: "main", port: 8080, rdsFile: RDS, more: buffers });
      await publish(LDS, discovery("l2", "listener", [changed]), lds);
      assert.equal((await fixture.request(8080, "GET /")).status, 200);
      const renamed = httpListener({ name: "other", port: 8081, rdsFile: RDS });
      await publish(LDS, discovery("l3", "listener", [renamed]), lds);
      assert.equal((await fixture.request(8081, "GET /")).status, 200);
    });

    it("sends to new endpoints after a file of endpoints was moved into place", async () => {
      await create(DYNAMIC, { dataPlanes, onThreads });
      fixture.files.write(CDS, discovery("c1", "cluster", [EDS_CLUSTER]));
      fixture.files.write(EDS, discovery("e1", "endpoints", [endpoints(1001)]));
      const listener = httpListener({ name: "main", port: 8080, cluster: "eds" });
      fixture.files.write(LDS, discovery("l1", "listener", [listener]));
      await fixture.start();
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
      await publish(EDS, discovery("e2", "endpoints", [endpoints(1002)]), "cluster.eds");
      for (let count = 0; count < 3; count++) {
        assert.equal((await fixture.request(8080, "GET /")).body, "two");
      }
      assert.equal(fixture.stat("cluster.eds.update_success"), 2);
      assert.equal(fixture.stat("cluster.eds.membership_total"), 1);
    });

    it("sends along new routes after a file of routes was moved into place", async () => {
      await create(DYNAMIC, { dataPlanes, onThreads });
      fixture.files.write(CDS, discovery("c1", "cluster", [ONE, TWO]));
      fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
      const listener = httpListener({ name: "main", port: 8080, rdsFile: RDS });
      fixture.files.write(LDS, discovery("l1", "listener", [listener]));
      await fixture.start();
      assert.equal((await fixture.request(8080, "GET /")).body, "one");
      const prefix = "http.main.rds.routes";
      await publish(RDS, discovery("r2", "routes", [routeConfig("routes", "two")]), prefix);
      for (let count = 0; count < 3; count++) {
        assert.equal((await fixture.request(8080, "GET /")).body, "two");
      }
      assert.equal(fixture.stat(`${prefix}.update_success`), 2);
      assert.equal(fixture.stat(`${prefix}.update_attempt`), 2);
      assert.equal(fixture.stat(`${prefix}.config_reload`), 2);
      await publish(RDS, discovery("r3", "routes", [routeConfig("routes", "two")]), prefix);
      assert.equal(fixture.stat(`${prefix}.config_reload`), 2);
    });
  });
}

describe("subscriptions to named resources", () => {
  const listener = (name: string, port: number): object =>
    httpListener({ name, port, rdsFile: RDS });

  it("are shared by listeners and end with the last", async () => {
    await create(
      bootstrap({ clusters: [ONE], listeners: [listener("a", 8080), listener("b", 8081)] }),
    );
    fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
    await fixture.start();
    assert.equal((await fixture.request(8081, "GET /")).body, "one");
    assert.deepEqual(fixture.files.watched(), [RDS]);
    await fixture.reload(bootstrap({ clusters: [ONE], listeners: [listener("b", 8081)] }));
    assert.equal((await fixture.request(8081, "GET /")).body, "one");
    await fixture.reload(bootstrap({ clusters: [ONE] }));
    await fixture.time.advance(20_000);
    assert.deepEqual(fixture.files.watched(), []);
    const { configs } = await fixture.json("/config_dump?resource=dynamic_route_configs");
    assert.equal(configs, undefined);
  });

  it("give a listener that comes later the routes that are there", async () => {
    await create(bootstrap({ clusters: [ONE], listeners: [listener("a", 8080)] }));
    fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
    await fixture.start();
    const both = [listener("a", 8080), listener("b", 8081)];
    await fixture.reload(bootstrap({ clusters: [ONE], listeners: both }));
    assert.equal((await fixture.request(8081, "GET /")).body, "one");
    assert.equal(fixture.stat("http.a.rds.routes.update_attempt"), 1);
  });

  it("let a listener serve 404 while the file lacks its routes", async () => {
    await create(bootstrap({ clusters: [ONE], listeners: [listener("a", 8080)] }));
    fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("others", "one")]));
    await fixture.start();
    assert.equal((await fixture.request(8080, "GET /")).status, 404);
    assert.equal(fixture.stat("http.a.rds.routes.update_rejected"), 1);
    const good = discovery("r2", "routes", [routeConfig("routes", "one")]);
    await publish(RDS, good, "http.a.rds.routes");
    assert.equal((await fixture.request(8080, "GET /")).status, 200);
  });

  it("keep the routes in force when a new version is broken", async () => {
    await create(bootstrap({ clusters: [ONE], listeners: [listener("a", 8080)] }));
    fixture.files.write(RDS, discovery("r1", "routes", [routeConfig("routes", "one")]));
    await fixture.start();
    await publish(RDS, "not: [valid", "http.a.rds.routes");
    assert.equal(fixture.stat("http.a.rds.routes.update_failure"), 1);
    const { route, ...broken } = { route: 1, name: "routes", virtual_hosts: [{ name: "" }] };
    assert.equal(route, 1);
    await publish(RDS, discovery("r3", "routes", [broken]), "http.a.rds.routes");
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
  });
});

describe("a version with many resources", () => {
  const clusters = (count: number, port: number): object[] =>
    Array.from({ length: count }, (_, index) => staticCluster(`c${index}`, [port]));

  it("is applied in slices: others have their turn in between", async () => {
    await create(DYNAMIC);
    fixture.files.write(CDS, discovery("c1", "cluster", clusters(200, 1001)));
    fixture.files.write(LDS, discovery("l1", "listener", []));
    await fixture.start();
    const planes = fixture.server.planes;
    assert.ok(planes);
    const { prepare } = planes;
    const sizes: number[] = [];
    let turns = 0;
    planes.prepare = (update) => {
      sizes.push(update.clusters.length);
      planes.local.dispatcher.after(0, () => turns++);
      fixture.time.run(5);
      return prepare.call(planes, update);
    };
    const before = turns;
    await publish(CDS, discovery("c2", "cluster", clusters(100, 1002)), "cluster_manager.cds");
    assert.ok(sizes.length >= 4 && Math.max(...sizes) <= 50, `${sizes}`);
    assert.equal(turns - before, sizes.length);
    assert.equal(fixture.stat("cluster_manager.active_clusters"), 100);
    assert.equal(fixture.stat("cluster_manager.cds.update_success"), 2);
    assert.match((await fixture.get("/clusters")).body, /^c99::127\.0\.0\.1:1002::/m);
  });

  it("names a repeated name and takes the first of it", async () => {
    await create(DYNAMIC);
    const twice = [...clusters(100, 1001), staticCluster("c0", [1002])];
    fixture.files.write(CDS, discovery("c1", "cluster", twice));
    fixture.files.write(LDS, discovery("l1", "listener", []));
    await fixture.start();
    assert.equal(fixture.stat("cluster_manager.cds.update_rejected"), 1);
    assert.match(fixture.log.join("\n"), /more than one resource named "c0"/);
    assert.match((await fixture.get("/clusters")).body, /^c0::127\.0\.0\.1:1001::/m);
  });

  it("that makes us fail is refused, and the process lives on", async () => {
    await create(DYNAMIC);
    fixture.files.write(CDS, discovery("c1", "cluster", [ONE]));
    fixture.files.write(LDS, discovery("l1", "listener", []));
    await fixture.start();
    const planes = fixture.server.planes;
    assert.ok(planes);
    planes.prepare = () => {
      throw new Error("a mistake");
    };
    await publish(CDS, discovery("c2", "cluster", [TWO]), "cluster_manager.cds");
    assert.equal(fixture.stat("cluster_manager.cds.update_rejected"), 1);
    assert.match(fixture.log.join("\n"), /internal error: Error: a mistake/);
  });
});

describe("resources from files", () => {
  it("cannot replace what the bootstrap says", async () => {
    const text = bootstrap({
      clusters: [ONE],
      listeners: [httpListener({ name: "main", port: 8080 })],
      more: { dynamic_resources: { cds_config: fileSource(CDS) } },
    });
    await create(text);
    fixture.files.write(CDS, discovery("c1", "cluster", [staticCluster("one", [1002]), TWO]));
    await fixture.start();
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
    const { configs } = await fixture.json(
      "/config_dump?resource=static_clusters&mask=cluster.name",
    );
    assert.equal((configs as unknown[]).length, 1);
    await publish(CDS, discovery("c2", "cluster", []), "cluster_manager.cds");
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
  });

  it("that cannot bind are named, and the one in force stays", async () => {
    await create(DYNAMIC);
    fixture.files.write(CDS, discovery("c1", "cluster", [ONE]));
    const main = httpListener({ name: "main", port: 8080 });
    fixture.files.write(LDS, discovery("l1", "listener", [main]));
    await fixture.start();
    fixture.network.denyBind({ ip: "127.0.0.1", port: 8082 }, "EADDRINUSE");
    const moved = httpListener({ name: "main", port: 8082 });
    await publish(LDS, discovery("l2", "listener", [moved]), "listener_manager.lds");
    assert.equal((await fixture.request(8080, "GET /")).body, "one");
    const { configs } = await fixture.json("/config_dump?resource=dynamic_listeners");
    const [entry] = configs as {
      active_state: { version_info: string };
      error_state: { details: string; version_info: string };
    }[];
    assert.equal(entry?.active_state.version_info, "l1");
    assert.equal(entry?.error_state.version_info, "l2");
    assert.match(entry?.error_state.details ?? "", /in use/);
  });

  it("with unknown fields are used, counted and named in the log", async () => {
    await create(DYNAMIC);
    fixture.files.write(CDS, discovery("c1", "cluster", [{ ...ONE, no_such_field: 1 }]));
    fixture.files.write(LDS, discovery("l1", "listener", []));
    await fixture.start();
    assert.equal(fixture.stat("server.dynamic_unknown_fields"), 1);
    assert.match(fixture.log.join("\n"), /no_such_field: unknown field/);
  });

  it("with unknown fields are refused when the command line says so", async () => {
    await create(DYNAMIC, { unknownDynamicFields: "reject" });
    fixture.files.write(CDS, discovery("c1", "cluster", [{ ...ONE, no_such_field: 1 }]));
    fixture.files.write(LDS, discovery("l1", "listener", []));
    await fixture.start();
    assert.equal(fixture.stat("cluster_manager.cds.update_failure"), 1);
    assert.equal((await fixture.get("/clusters")).body, "");
  });
});
