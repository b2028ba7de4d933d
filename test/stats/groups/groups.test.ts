// The names of all groups, beside those of a real Envoy where one is installed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as circuitBreaker from "../../../src/stats/groups/circuit-breaker-stats.ts";
import { createClusterLoadBalancerStats } from "../../../src/stats/groups/cluster-load-balancer-stats.ts";
import { createClusterManagerStats } from "../../../src/stats/groups/cluster-manager-stats.ts";
import { createClusterMembershipStats } from "../../../src/stats/groups/cluster-membership-stats.ts";
import * as optional from "../../../src/stats/groups/cluster-optional-stats.ts";
import { ClusterTrafficStats } from "../../../src/stats/groups/cluster-traffic-stats.ts";
import { createFilesystemStats } from "../../../src/stats/groups/filesystem-stats.ts";
import { HttpConnectionManagerStats } from "../../../src/stats/groups/http-connection-manager-stats.ts";
import { Http1CodecStats } from "../../../src/stats/groups/http1-codec-stats.ts";
import { createListenerManagerStats } from "../../../src/stats/groups/listener-manager-stats.ts";
import * as listener from "../../../src/stats/groups/listener-stats.ts";
import { createOutlierDetectionStats } from "../../../src/stats/groups/outlier-detection-stats.ts";
import { ResponseClassStats } from "../../../src/stats/groups/response-class-stats.ts";
import { createRouterStats } from "../../../src/stats/groups/router-stats.ts";
import { createRuntimeStats } from "../../../src/stats/groups/runtime-stats.ts";
import { createServerStats } from "../../../src/stats/groups/server-stats.ts";
import { createSubscriptionStats } from "../../../src/stats/groups/subscription-stats.ts";
import { createTcpProxyStats } from "../../../src/stats/groups/tcp-proxy-stats.ts";
import { VirtualClusterStats } from "../../../src/stats/groups/virtual-cluster-stats.ts";
import { StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";
import { requirePeer } from "../../kit/find-envoy.ts";
import { envoyCommand, freePorts, ProxyProcess } from "../../kit/proxy-process.ts";
import { routesFile, secretFile, statsBootstrap } from "../envoy-bootstrap.ts";

const CLUSTER = "cluster.backend.v1";
const HTTP = "http.egress";
const LISTENER = "listener.egress_listener";

/** Every group at the place where the bootstrap makes Envoy create it. */
function createAllGroups(): StatsStore {
  const store = new StatsStore(new StatSlab());
  const at = (prefix: string): ReturnType<typeof store.root.scope> => store.root.scope(prefix);
  new HttpConnectionManagerStats(at(HTTP));
  new ResponseClassStats(at(HTTP));
  createRouterStats(at(HTTP));
  new Http1CodecStats(at("http1"));
  listener.createListenerStats(at(LISTENER));
  listener.createListenerWorkerStats(at(`${LISTENER}.worker_0`));
  listener.createListenerWorkerStats(at(`${LISTENER}.worker_1`));
  new ResponseClassStats(at(`${LISTENER}.http.egress`));
  createListenerManagerStats(at("listener_manager"));
  createClusterManagerStats(at("cluster_manager"));
  createRuntimeStats(at("runtime"));
  createFilesystemStats(at("filesystem"));
  createServerStats(at("server"));
  createTcpProxyStats(at("tcp.relay"));
  new ClusterTrafficStats(at(CLUSTER));
  createClusterMembershipStats(at(CLUSTER));
  createClusterLoadBalancerStats(at(CLUSTER));
  optional.createTimeoutBudgetStats(at(CLUSTER));
  optional.createRequestResponseSizeStats(at(CLUSTER));
  for (const priority of ["default", "high"]) {
    circuitBreaker.createCircuitBreakerStats(at(`${CLUSTER}.circuit_breakers.${priority}`));
  }
  circuitBreaker.createCircuitBreakerRemainingStats(at(`${CLUSTER}.circuit_breakers.default`));
  createOutlierDetectionStats(
    at(`${CLUSTER}.outlier_detection`),
    at(`${CLUSTER}.outlier_detection`),
  );
  new VirtualClusterStats(at("vhost.vh_two.vcluster.checkout"));
  createSubscriptionStats(at(`${HTTP}.rds.routes.v1`));
  return store;
}

/** `kind name`, sorted. */
function ours(): string[] {
  const { entries } = createAllGroups().slab;
  return entries.flatMap((entry) => (entry === null ? [] : [`${entry.kind} ${entry.name}`])).sort();
}

/** What Envoy has at these places and we do not make in a group: created elsewhere, or not ours. */
const ELSEWHERE: readonly RegExp[] = [
  // Counted by ResponseCodeStats, which creates it with the first response.
  / cluster\.backend\.v1\.upstream_rq_completed$/,
  // The transport socket matcher and the HTTP/1 codec of the cluster.
  / cluster\.backend\.v1\.(?:default\.total_match_count|http1\.)/,
  // Prefixes that other parts own: filters, the watchdog, the route table's own reloads.
  / http\.egress\.(?:rbac|fault|user_agent|http_local_rate_limit)\./,
  / http\.egress\.rds\.routes\.v1\.(?:config_reload|update_empty)/,
  // Hot restart is not ours.
  / server\.hot_restart_generation$/,
  / server\.(?:main_thread|worker_\d+|compilation_settings)\./,
];

/** Prefixes whose every name must be in a group. */
const COMPLETE: readonly string[] = [
  `${HTTP}.`,
  `${LISTENER}.`,
  `${CLUSTER}.`,
  "http1.",
  "listener_manager.",
  "cluster_manager.",
  "runtime.",
  "filesystem.",
  "server.",
  "tcp.relay.",
  "vhost.vh_two.vcluster.checkout.",
];

describe("stats groups", () => {
  it("hold no name twice in one group", () => {
    const names = ours();
    assert.equal(new Set(names).size, names.length);
  });

  it("count a response in its class and as completed", () => {
    const store = new StatsStore(new StatSlab());
    const stats = new ResponseClassStats(store.root);
    for (const status of [101, 200, 204, 302, 404, 503, 599]) stats.record(status);
    const counts = ["1xx", "2xx", "3xx", "4xx", "5xx", "completed"].map((name) =>
      store.root.counter(`downstream_rq_${name}`),
    );
    assert.deepEqual(
      counts.map((counter) => counter.value()),
      [1, 2, 1, 1, 2, 7],
    );
  });
});

const envoy = requirePeer("envoy");

describe("stats groups beside a real Envoy", { skip: envoy.skip }, () => {
  let folder = "";
  let proxy: ProxyProcess;
  let theirs: string[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "groups-"));
    const files = { routes: join(folder, "routes.json"), secret: join(folder, "secret.json") };
    writeFileSync(files.routes, JSON.stringify(routesFile()));
    writeFileSync(files.secret, JSON.stringify(secretFile()));
    const ports = await freePorts(6);
    const config = join(folder, "bootstrap.json");
    const bootstrap = statsBootstrap(ports.slice(0, 5), ports[5] as number, files);
    writeFileSync(config, JSON.stringify(bootstrap));
    const extra = ["--use-dynamic-base-id", "--concurrency", "2"];
    proxy = await ProxyProcess.start(envoyCommand(envoy.path), config, ports[0] as number, extra);
    theirs = await namesByKind(proxy);
  });

  after(async () => {
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("have only names and kinds that Envoy has", () => {
    const known = new Set(theirs);
    assert.deepEqual(
      ours().filter((name) => !known.has(name)),
      [],
    );
  });

  it("have every name that Envoy has at their places", () => {
    const known = new Set(ours());
    const missing = theirs.filter((line) => {
      const name = line.slice(line.indexOf(" ") + 1);
      const here = COMPLETE.some((prefix) => name.startsWith(prefix));
      return here && !known.has(line) && !ELSEWHERE.some((pattern) => pattern.test(line));
    });
    assert.deepEqual(missing, []);
  });
});

async function namesByKind(proxy: ProxyProcess): Promise<string[]> {
  const kinds = {
    Counters: "counter",
    Gauges: "gauge",
    TextReadouts: "textReadout",
    Histograms: "histogram",
  };
  const lines: string[] = [];
  for (const [type, kind] of Object.entries(kinds)) {
    const page = (await proxy.admin(`/stats?type=${type}`)).body;
    for (const line of page.split("\n").filter((text) => text !== "")) {
      lines.push(`${kind} ${line.slice(0, line.indexOf(": "))}`);
    }
  }
  return lines.sort();
}
