// Endpoints and routes that change a hundred times a second, each by a rename, under steady load:
// no request may fail, and what was written last must be in force at the end.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../kit/proxy-process.ts";
import {
  bootstrap,
  discovery,
  fileSource,
  httpListener,
  routeConfig,
  socketAddress,
} from "../server/configs.ts";
import { eventually, Folder, RunningProxy } from "./running-proxy.ts";
import { SteadyLoad } from "./steady-load.ts";

const REQUESTS_PER_SECOND = 2000;
const CONNECTIONS = 32;
const CHANGES_PER_SECOND = 100;
const SECONDS = 5;
/** Fewer answers would say nothing, on the slowest machine. */
const ANSWERED_LEAST = 1000;
/** Of the versions written, the least that must have come into force one by one. */
const TAKEN_LEAST = 50;

const folder = new Folder();
const upstreams: ChildProcess[] = [];
const ports: number[] = [];

before(async () => {
  const program = fileURLToPath(new URL("../../bench/load/main.ts", import.meta.url));
  for (let count = 0; count < 2; count++) {
    const upstream = fork(program, ["@upstream"]);
    upstreams.push(upstream);
    const [message] = (await once(upstream, "message")) as [{ httpPort: number }];
    ports.push(message.httpPort);
  }
});

after(() => {
  for (const upstream of upstreams) upstream.kill("SIGKILL");
  folder.remove();
});

/** One host, the other, both: with each change hosts come and go that have requests. */
function endpoints(version: number): string {
  const members = version % 3 === 2 ? ports : [ports[version % 3]!];
  const assignment = {
    cluster_name: "one",
    endpoints: [
      {
        lb_endpoints: members.map((port) => ({
          endpoint: { address: socketAddress(port) },
          load_balancing_weight: 1 + (version % 5),
        })),
      },
    ],
  };
  return discovery(`endpoints ${version}`, "endpoints", [assignment]);
}

function routes(version: number): string {
  const header = { header: { key: "x-version", value: String(version) } };
  const config = { ...routeConfig("routes", "one"), response_headers_to_add: [header] };
  return discovery(`routes ${version}`, "routes", [config]);
}

const CLUSTER = {
  name: "one",
  type: "EDS",
  eds_cluster_config: { eds_config: fileSource(folder.file("endpoints.json")) },
};

async function stats(adminPort: number): Promise<ReadonlyMap<string, string>> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).text();
  return new Map(
    page.split("\n").map((line) => {
      const at = line.indexOf(": ");
      return [line.slice(0, at), line.slice(at + 2).replaceAll('"', "")] as const;
    }),
  );
}

for (const threads of ["1", "2"]) {
  describe(`a proxy whose endpoints and routes churn, --concurrency ${threads}`, () => {
    it("answers every request, and ends with the newest of both", () => churn(threads));
  });
}

async function churn(threads: string): Promise<void> {
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  folder.write("endpoints.json", endpoints(0));
  folder.write("routes.json", routes(0));
  const text = bootstrap({
    clusters: [CLUSTER],
    listeners: [httpListener({ name: "main", port, rdsFile: folder.file("routes.json") })],
    more: { node: { id: "n", cluster: "c" }, admin: { address: socketAddress(adminPort) } },
  });
  const file = folder.write("bootstrap.json", text);
  const proxy = await RunningProxy.ready(["run", "-c", file, "--concurrency", threads]);
  const shape = { connections: CONNECTIONS, requestsPerSecond: REQUESTS_PER_SECOND };
  const requests = new SteadyLoad({ ...shape, port, seconds: 2 * SECONDS });
  try {
    requests.start();
    const last = await writeVersions();
    requests.stop();
    await eventually("the last answers", () => requests.idle);
    assert.deepEqual(requests.failures, []);
    assert.ok(requests.answered >= ANSWERED_LEAST, `${requests.answered} answers`);
    await proxyHas(adminPort, last);
    const found = await stats(adminPort);
    for (const scope of ["cluster.one", "http.main.rds.routes"]) {
      const taken = Number(found.get(`${scope}.update_success`));
      assert.ok(taken >= TAKEN_LEAST, `${scope} took ${taken} of ${last} versions`);
      assert.equal(found.get(`${scope}.update_rejected`), "0");
      assert.equal(found.get(`${scope}.update_failure`), "0");
    }
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(answer.headers.get("x-version"), String(last));
  } finally {
    requests.close();
    await proxy.kill();
  }
}

/** Returns the number of the last version. */
async function writeVersions(): Promise<number> {
  const startMs = performance.now();
  let version = 0;
  await eventually("all versions are written", () => {
    const due = Math.floor(((performance.now() - startMs) / 1000) * CHANGES_PER_SECOND);
    while (version < Math.min(due, SECONDS * CHANGES_PER_SECOND)) {
      version++;
      folder.write("endpoints.json", endpoints(version));
      folder.write("routes.json", routes(version));
    }
    return version === SECONDS * CHANGES_PER_SECOND;
  });
  return version;
}

async function proxyHas(adminPort: number, version: number): Promise<void> {
  let found: ReadonlyMap<string, string> = new Map();
  const look = async (): Promise<void> => {
    found = await stats(adminPort);
  };
  await eventually(`version ${version} is in force`, () => {
    void look();
    return (
      found.get("cluster.one.version_text") === `endpoints ${version}` &&
      found.get("http.main.rds.routes.version_text") === `routes ${version}`
    );
  });
}
