// The admin pages of a real Envoy and of Outrigger on the same configuration: static and dynamic
// resources, named and unnamed, good and refused requests.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { requirePeer } from "../../kit/find-envoy.ts";
import {
  type AdminAnswer,
  envoyCommand,
  freePorts,
  outriggerCommand,
  type ProxyCommand,
  ProxyProcess,
} from "../../kit/proxy-process.ts";
import {
  discovery,
  fileSource,
  httpListener,
  routeConfig,
  socketAddress,
  staticCluster,
} from "../configs.ts";

const envoy = requirePeer("envoy");

/** Ports of a side; in normalised answers they count from FIRST_PORT. */
const PORTS = ["ADMIN", "MAIN", "MORE", "UNNAMED", "DYNAMIC", "UP1", "UP2", "UP3"] as const;
const FIRST_PORT = 70_001;
const UNNAMED_PORT = FIRST_PORT + PORTS.indexOf("UNNAMED");
type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

class Side {
  readonly proxy: ProxyProcess;
  private readonly ports: Ports;
  private readonly folder: string;

  private constructor(proxy: ProxyProcess, ports: Ports, folder: string) {
    this.proxy = proxy;
    this.ports = ports;
    this.folder = folder;
  }

  static async start(command: ProxyCommand): Promise<Side> {
    const numbers = await freePorts(PORTS.length);
    const ports = Object.fromEntries(PORTS.map((name, index) => [name, numbers[index]])) as Ports;
    const folder = mkdtempSync(join(tmpdir(), "admin-"));
    writeFiles(folder, ports);
    const extra = [
      "--concurrency",
      "1",
      "--disable-hot-restart",
      "--log-level",
      "error",
      "--file-flush-interval-msec",
      "10",
    ];
    const file = join(folder, "envoy.json");
    return new Side(await ProxyProcess.start(command, file, ports.ADMIN, extra), ports, folder);
  }

  /** An answer with everything replaced that must differ. */
  async ask(path: string, method: "GET" | "POST"): Promise<AdminAnswer> {
    const answer = await this.proxy.admin(path, method);
    let { body } = answer;
    for (const [index, name] of PORTS.entries()) {
      body = body.replaceAll(`${this.ports[name]}`, `${FIRST_PORT + index}`);
    }
    body = body
      .replaceAll(this.folder, "FOLDER")
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "NAME")
      .replaceAll(`listener:127.0.0.1:${UNNAMED_PORT}`, "NAME")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
    return { ...answer, body };
  }

  /** What the admin log got since `/ready?logged`; asks until the writer has flushed. */
  async logLines(): Promise<string[]> {
    for (let tries = 0; tries < 100; tries++) {
      const lines = readFileSync(join(this.folder, "admin.log"), "utf8").split("\n");
      const start = lines.findIndex((line) => line.includes("/ready?logged"));
      if (start >= 0 && lines.slice(start).some((line) => line.includes("GET /quitquitquit"))) {
        return lines.slice(
          start,
          lines.findLastIndex((line) => line.includes("GET /quitquitquit")) + 1,
        );
      }
      await this.proxy.admin("/ready");
    }
    return [];
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    rmSync(this.folder, { recursive: true });
  }
}

function writeFiles(folder: string, ports: Ports): void {
  const dynamic = join(folder, "dynamic");
  mkdirSync(dynamic);
  const write = (name: string, text: string): void => writeFileSync(join(dynamic, name), text);
  const source = (name: string): object => fileSource(join(dynamic, name));
  const edsCluster = {
    name: "eds",
    type: "EDS",
    eds_cluster_config: { eds_config: source("eds.json"), service_name: "service" },
  };
  write("cds.json", discovery("c1", "cluster", [edsCluster]));
  write("eds.json", discovery("e1", "endpoints", [assignment(ports)]));
  const listener = httpListener({
    name: "dynamic",
    port: ports.DYNAMIC,
    rdsFile: join(dynamic, "rds.json"),
  });
  write("lds.json", discovery("l1", "listener", [listener]));
  write("rds.json", discovery("r1", "routes", [routeConfig("routes", "eds")]));
  const bootstrap = {
    node: { id: "node", cluster: "cluster", locality: { zone: "z" }, metadata: { key: 1 } },
    admin: { address: socketAddress(ports.ADMIN), access_log: [adminLog(folder)] },
    dynamic_resources: { cds_config: source("cds.json"), lds_config: source("lds.json") },
    layered_runtime: { layers: LAYERS },
    static_resources: { clusters: clusters(ports), listeners: listeners(ports) },
  };
  writeFileSync(join(folder, "envoy.json"), JSON.stringify(bootstrap));
}

const FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** Envoy's default format without the times. */
const LOG_FORMAT =
  "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% " +
  "%BYTES_RECEIVED% %RESP(content-type)% %REQ(X-FORWARDED-FOR)% %REQ(X-REQUEST-ID)% " +
  "%RESPONSE_CODE_DETAILS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %ROUTE_NAME% %UPSTREAM_HOST%\n";

function adminLog(folder: string): object {
  const log_format = { text_format_source: { inline_string: LOG_FORMAT } };
  const path = join(folder, "admin.log");
  return { name: "file", typed_config: { "@type": FILE_LOG, path, log_format } };
}

const LAYERS = [
  { name: "base", static_layer: { a: { b: 5 }, word: "text", on: true } },
  { name: "changes", admin_layer: {} },
];

function assignment(ports: Ports): object {
  return {
    cluster_name: "service",
    endpoints: [
      {
        locality: { region: "r", zone: "z", sub_zone: "s" },
        load_balancing_weight: 3,
        lb_endpoints: [
          {
            health_status: "DRAINING",
            load_balancing_weight: 5,
            endpoint: { hostname: "first", address: socketAddress(ports.UP1) },
          },
          {
            health_status: "DEGRADED",
            metadata: { filter_metadata: { "envoy.lb": { canary: true } } },
            endpoint: { address: socketAddress(ports.UP2) },
          },
        ],
      },
    ],
  };
}

function clusters(ports: Ports): object[] {
  return [
    staticCluster("one", [ports.UP1, ports.UP2], {
      alt_stat_name: "alias",
      connect_timeout: "0.25s",
      circuit_breakers: { thresholds: [{ max_connections: 7, max_retries: 4 }] },
    }),
    staticCluster("far", [], {
      load_assignment: {
        cluster_name: "far",
        endpoints: [
          {
            priority: 1,
            lb_endpoints: [
              { endpoint: { address: socketAddress(ports.UP3) }, health_status: "UNHEALTHY" },
            ],
          },
        ],
      },
    }),
  ];
}

function listeners(ports: Ports): object[] {
  const more = { additional_addresses: [{ address: socketAddress(ports.MORE) }] };
  return [
    httpListener({ name: "main", port: ports.MAIN, more }),
    httpListener({ port: ports.UNNAMED }),
  ];
}

/** Pages whose text must be equal to the last byte. */
const EQUAL: readonly string[] = [
  "GET /ready",
  "GET /listeners",
  "GET /listeners?format=other",
  "GET /hot_restart_version",
  "GET /contention",
  "GET /certs",
  "GET /init_dump",
  "GET /init_dump?mask=listener",
  "GET /stats?filter=^server.live$",
  "GET /stats?filter=^server.live$&format=json",
  "GET /stats?filter=^server.days_until_first_cert_expiring$",
  "GET /stats?filter=^runtime\\.(num|admin|load|over)",
  "GET /stats?filter=^listener_manager\\.(listener|total|workers)",
  "GET /stats?filter=^cluster_manager\\.[a-z_]*$",
  "GET /stats?filter=update_(success|attempt|rejected|failure)$",
  "GET /stats?filter=version_text$",
  "GET /stats?filter=(",
  "GET /stats?type=bad",
  "GET /stats?histogram_buckets=bad",
  "GET /stats/prometheus?histogram_buckets=disjoint",
  "GET /reset_counters",
  "GET /quitquitquit",
  "GET /drain_listeners",
  "POST /drain_listeners?skip_exit",
  "POST /runtime_modify",
  "POST /runtime_modify?x=1%2B1+2&word=new",
  "POST /runtime_modify?x=&word=",
  "POST /reset_counters",
  "POST /reopen_logs",
  "POST /heapprofiler",
  "POST /stats/recentlookups/enable",
  "POST /stats/recentlookups/disable",
  "POST /stats/recentlookups/clear",
  "POST /logging?level=loud",
  "POST /healthcheck/fail",
  "GET /ready",
  "GET /stats?filter=^server.live$",
  "POST /healthcheck/ok",
  "GET /ready",
  "GET /config_dump?resource=bad",
  "GET /config_dump?resource=version_info",
  "GET /config_dump?resource=bootstrap",
  "GET /config_dump?mask=bad.path",
  "GET /config_dump?mask=static_clusters.cluster.name",
  "GET /config_dump?resource=dynamic_warming_secrets",
  "GET /config_dump?resource=inline_scoped_route_configs",
  "GET /config_dump?resource=static_route_configs&name_regex=zzz",
];

/** Pages whose JSON must be equal, in any order. */
const EQUAL_JSON: readonly string[] = [
  "/listeners?format=json",
  "/clusters?format=json",
  "/runtime",
  "/config_dump?mask=bootstrap.node.id,bootstrap.admin",
  "/config_dump?mask=bootstrap.static_resources",
  "/config_dump?mask=version_info",
  "/config_dump?mask=static_clusters",
  "/config_dump?resource=static_clusters",
  "/config_dump?resource=static_clusters&mask=cluster.name,last_updated",
  "/config_dump?resource=static_clusters&name_regex=o.*",
  "/config_dump?resource=dynamic_active_clusters",
  "/config_dump?resource=static_listeners",
  "/config_dump?resource=static_listeners&mask=listener.name,listener.address",
  "/config_dump?resource=dynamic_listeners",
  "/config_dump?resource=dynamic_listeners&mask=name,error_state",
  "/config_dump?resource=static_route_configs",
  "/config_dump?resource=dynamic_route_configs&mask=route_config.virtual_hosts",
  "/config_dump?include_eds&resource=static_endpoint_configs",
  "/config_dump?include_eds&resource=dynamic_endpoint_configs",
];

/** Pages of which status and type must be equal: their text has to differ. */
const SAME_KIND: readonly string[] = [
  "GET /",
  "GET /help",
  "GET /nope",
  "GET /ready/",
  "GET /memory",
  "GET /server_info",
  "GET /stats?format=html",
  "GET /stats?format=bad",
  "POST /logging",
  "GET /config_dump?resource=static_clusters&mask=cluster",
  "GET /config_dump?resource=static_listeners&mask=listener.filter_chains.filters.name",
  "GET /config_dump?name_regex=(",
  "GET /stats/recentlookups",
];

describe("admin pages beside Envoy's", { skip: envoy.skip }, () => {
  let theirs: Side;
  let ours: Side;

  before(async () => {
    theirs = await Side.start({ ...envoyCommand(envoy.path), args: [] });
    ours = await Side.start(outriggerCommand());
  });
  after(async () => {
    await theirs.stop();
    await ours.stop();
  });

  async function both(request: string): Promise<readonly [AdminAnswer, AdminAnswer]> {
    const [method, path] = request.split(" ") as ["GET" | "POST", string];
    return [await ours.ask(path, method), await theirs.ask(path, method)];
  }

  for (const [index, request] of EQUAL.entries()) {
    it(`${index + 1}. ${request} answers the same text`, async () => {
      const [our, their] = await both(request);
      assert.deepEqual(our, their);
    });
  }

  for (const path of EQUAL_JSON) {
    it(`GET ${path} answers the same JSON`, async () => {
      const [our, their] = await both(`GET ${path}`);
      assert.equal(our.contentType, their.contentType);
      assert.deepEqual(sorted(JSON.parse(our.body)), sorted(JSON.parse(their.body)));
    });
  }

  for (const request of SAME_KIND) {
    it(`${request} answers the same status and type`, async () => {
      const [our, their] = await both(request);
      assert.deepEqual([our.status, our.contentType], [their.status, their.contentType]);
    });
  }

  it("/clusters has the same lines", async () => {
    const [our, their] = await both("GET /clusters");
    assert.deepEqual(our.body.split("\n").sort(), their.body.split("\n").sort());
  });

  it("/help describes the pages that both have alike", async () => {
    const [our, their] = await both("GET /help");
    const lines = new Set(their.body.split("\n"));
    const unlike = our.body.split("\n").filter((line) => !lines.has(line));
    assert.deepEqual(unlike, KNOWN_HELP);
  });

  it("/server_info has the same fields of node and state", async () => {
    const [our, their] = await both("GET /server_info");
    const [a, b] = [JSON.parse(our.body), JSON.parse(their.body)];
    for (const field of ["state", "hot_restart_version"]) assert.equal(a[field], b[field]);
    for (const field of ["id", "cluster", "locality", "metadata", "client_features"]) {
      assert.deepEqual(a.node[field], b.node[field], field);
    }
    const names = new Set(Object.keys(b.command_line_options));
    const unknown = Object.keys(a.command_line_options).filter((name) => !names.has(name));
    assert.deepEqual(unknown, []);
    assert.equal(a.command_line_options.concurrency, 1);
  });

  it("/runtime shows values that were sent with escapes alike", async () => {
    await both("POST /runtime_modify?x=1%2B1+2&%77ord=n%20w&word=second&empty");
    const [our, their] = await both("GET /runtime");
    await both("POST /runtime_modify?x=&word=&empty=");
    assert.deepEqual(sorted(JSON.parse(our.body)), sorted(JSON.parse(their.body)));
  });

  it("/memory has the same fields", async () => {
    const [our, their] = await both("GET /memory");
    assert.deepEqual(Object.keys(JSON.parse(our.body)), Object.keys(JSON.parse(their.body)));
  });

  it("log the same lines", async () => {
    for (const request of [
      "GET /ready?logged",
      "GET /nope",
      "POST /reopen_logs",
      "GET /quitquitquit",
    ]) {
      await both(request);
    }
    const [our, their] = [await ours.logLines(), await theirs.logLines()];
    assert.deepEqual(our, their);
    assert.ok(our.length >= 4);
  });

  it("/config_dump has the same sections", async () => {
    const [our, their] = await both("GET /config_dump?include_eds");
    const types = (text: string): string[] =>
      JSON.parse(text).configs.map((one: Record<string, string>) => one["@type"]);
    assert.deepEqual(types(our.body), types(their.body));
  });
});

/** No fine-grain logging, no active-html, and a page of our own. */
const KNOWN_HELP: readonly string[] = [
  "      paths: Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>",
  "      format: Format to use; One of (html, text, json)",
  "  /unsupported: print what the configuration asks for that is not supported",
];

/** Lists of named things in one order: Envoy keeps clusters in hash tables. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort(byText);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
