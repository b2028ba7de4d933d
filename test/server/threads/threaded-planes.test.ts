// Worker threads in memory: they die, hang, start badly; what they had of shared memory is given
// back, and a successor serves with the configuration of now.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { drainServer } from "../../../src/server/shutdown.ts";
import { MemoryClient } from "../../kit/memory-client.ts";
import { bootstrap, discovery, fileSource, httpListener, staticCluster } from "../configs.ts";
import { ServerFixture } from "../server-fixture.ts";
import type { MemoryThreads } from "./memory-threads.ts";

const ONE = staticCluster("one", [1001]);
const MAIN = httpListener({ name: "main", port: 8080 });
const BASIC = bootstrap({ clusters: [ONE], listeners: [MAIN] });
const REQUEST = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
const HUNG_UPSTREAM = 1003;

let fixture: ServerFixture;
let threads: MemoryThreads;

async function start(text: string = BASIC, dataPlanes: number = 2): Promise<void> {
  fixture = await ServerFixture.create(text, { dataPlanes, onThreads: true });
  threads = fixture.threads as MemoryThreads;
  await fixture.upstream(1001, "one");
  await fixture.upstream(1002, "two");
  await fixture.upstream(HUNG_UPSTREAM, null);
  await fixture.start();
}

afterEach(() => fixture.close());

async function isServing(id: number): Promise<void> {
  await fixture.until(() => fixture.log.join("\n").includes(`worker ${id} serves again`));
}

/** The bodies of `count` requests on connections of their own, which both workers accept. */
async function bodies(count: number, port: number = 8080): Promise<string[]> {
  const all: string[] = [];
  for (let index = 0; index < count; index++) all.push((await fixture.request(port, "GET /")).body);
  return all;
}

function isOver({ closed, ended }: MemoryClient): boolean {
  return closed || ended;
}

function connect(): MemoryClient {
  return new MemoryClient(fixture.network, { ip: "127.0.0.1", port: 8080 });
}

describe("a worker that dies", () => {
  it("is replaced at once, and said so", async () => {
    await start();
    threads.living(1).die("ERR_WORKER_OUT_OF_MEMORY");
    await isServing(1);
    assert.match(
      fixture.log.join("\n"),
      /critical main: worker 1 ended \(ERR_WORKER_OUT_OF_MEMORY\); its connections are lost/,
    );
    assert.equal(fixture.stat("server.worker_crashes"), 1);
    assert.equal(fixture.stat("server.worker_restarts"), 1);
    assert.deepEqual(await bodies(4), ["one", "one", "one", "one"]);
    assert.equal(threads.alive.length, 2);
    const of = (id: number): number | null =>
      fixture.stat(`listener.127.0.0.1_8080.worker_${id}.downstream_cx_total`);
    assert.ok((of(0) ?? 0) > 0 && (of(1) ?? 0) > 0, "both accept");
  });

  it("keeps what was counted, and gauges go with it", async () => {
    await start();
    await bodies(4);
    const client = connect();
    const other = connect();
    client.send(REQUEST);
    other.send(REQUEST);
    await fixture.until(() => client.text.endsWith("one") && other.text.endsWith("one"));
    assert.equal(fixture.stat("http.main.downstream_cx_active"), 2);
    threads.living(1).die("exit code 1");
    await isServing(1);
    assert.equal(fixture.stat("http.main.downstream_rq_total"), 6);
    assert.equal(fixture.stat("http.main.downstream_cx_active"), 1);
    assert.equal([client, other].filter(isOver).length, 1, "one was its");
    client.socket.destroy();
    other.socket.destroy();
  });

  it("gives back what it had taken of circuit breakers and limits", async () => {
    const thresholds = [{ max_requests: 2 }];
    const hung = staticCluster("one", [HUNG_UPSTREAM], { circuit_breakers: { thresholds } });
    await start(bootstrap({ clusters: [hung], listeners: [MAIN] }));
    const waiting = [connect(), connect()];
    for (const client of waiting) client.send(REQUEST);
    await fixture.time.advance(5);
    assert.equal((await fixture.request(8080, "GET /")).status, 503, "the breaker is open");
    assert.match((await fixture.get("/clusters")).body, /::rq_active::2\n/);
    threads.living(0).die("exit code 1");
    await isServing(0);
    assert.match((await fixture.get("/clusters")).body, /::rq_active::1\n/);
    const third = connect();
    third.send(REQUEST);
    await fixture.time.advance(5);
    assert.equal(third.text, "", "it was let through, and waits");
    assert.equal((await fixture.request(8080, "GET /")).status, 503, "the breaker is open again");
    for (const client of [...waiting, third]) client.socket.destroy();
  });

  it("gives back its share of all downstream connections", async () => {
    const monitor = {
      name: "envoy.resource_monitors.global_downstream_max_connections",
      typed_config: {
        "@type":
          "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections: "4",
      },
    };
    const more = { overload_manager: { resource_monitors: [monitor] } };
    await start(bootstrap({ clusters: [ONE], listeners: [MAIN], more }));
    const clients = [connect(), connect(), connect(), connect()];
    await fixture.time.advance(2);
    const fifth = connect();
    await fixture.until(() => isOver(fifth));
    threads.living(0).die("exit code 1");
    await isServing(0);
    const again = [connect(), connect()];
    await fixture.time.advance(5);
    assert.deepEqual(again.map(isOver), [false, false]);
    const tooMuch = connect();
    await fixture.until(() => isOver(tooMuch));
    for (const client of [...clients, ...again, fifth, tooMuch]) client.socket.destroy();
  });

  it("has a successor with the configuration of now: reloads, removals, files, runtime", async () => {
    const more = {
      dynamic_resources: { cds_config: fileSource("/cds.yaml") },
      layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] },
    };
    const old = httpListener({ name: "old", port: 8081 });
    fixture = await ServerFixture.create(
      bootstrap({ clusters: [ONE], listeners: [MAIN, old], more }),
      { dataPlanes: 2, onThreads: true },
    );
    threads = fixture.threads as MemoryThreads;
    await fixture.upstream(1001, "one");
    await fixture.upstream(1002, "two");
    const two = staticCluster("two", [1002]);
    fixture.files.write("/cds.yaml", discovery("1", "cluster", [two]));
    await fixture.start();
    const now = httpListener({ name: "now", port: 8082, cluster: "two" });
    await fixture.reload(bootstrap({ clusters: [ONE], listeners: [MAIN, now], more }));
    await fixture.post("/runtime_modify?key=7");
    await fixture.post("/healthcheck/fail");
    threads.living(0).die("exit code 1");
    await isServing(0);
    threads.living(1).die("exit code 1");
    await isServing(1);
    assert.deepEqual(await bodies(2), ["one", "one"]);
    assert.deepEqual(await bodies(2, 8082), ["two", "two"]);
    assert.equal(fixture.network.listening().includes("127.0.0.1:8081"), false);
    assert.match((await fixture.get("/listeners")).body, /^main::.*\nnow::127.0.0.1:8082\n$/);
    const { headers } = await fixture.request(8080, "GET /");
    assert.ok(headers.includes("connection: close"), "it knows that health checks fail");
  });

  it("gets the same port when any port was asked for", async () => {
    const any = httpListener({ name: "any", port: 0 });
    await start(bootstrap({ clusters: [ONE], listeners: [any] }));
    const { body } = await fixture.get("/listeners");
    const port = Number(/^any::127\.0\.0\.1:(\d+)\n$/.exec(body)?.[1]);
    assert.equal(fixture.network.listening().filter((text) => text.endsWith(`:${port}`)).length, 2);
    threads.living(0).die("exit code 1");
    await isServing(0);
    assert.equal((await fixture.get("/listeners")).body, body);
    assert.deepEqual(await bodies(4, port), ["one", "one", "one", "one"]);
  });
});

describe("workers that die again and again", () => {
  it("are replaced more and more slowly, while the others serve", async () => {
    await start();
    threads.stillborn = 4;
    threads.living(1).die("exit code 1");
    await isServing(1);
    const delays = fixture.log.flatMap((line) => /another one starts (.*)$/.exec(line)?.[1] ?? []);
    assert.deepEqual(delays, ["at once", "in 100 ms", "in 200 ms", "in 400 ms", "in 800 ms"]);
    assert.equal(fixture.stat("server.worker_crashes"), 5);
    assert.equal(fixture.stat("server.worker_restarts"), 1);
    assert.deepEqual(await bodies(2), ["one", "one"]);
  });

  it("are all replaced when all die", async () => {
    await start();
    for (const thread of [...threads.alive]) thread.die("exit code 1");
    await isServing(0);
    await isServing(1);
    assert.deepEqual(await bodies(2), ["one", "one"]);
  });

  it("do not stop a reload", async () => {
    await start();
    threads.stillborn = 6;
    threads.living(1).die("exit code 1");
    const two = staticCluster("one", [1002]);
    await fixture.reload(bootstrap({ clusters: [two], listeners: [MAIN] }));
    assert.equal(fixture.reloadOutcome, "applied");
    assert.deepEqual(await bodies(2), ["two", "two"]);
    await isServing(1);
    assert.deepEqual(await bodies(4), ["two", "two", "two", "two"]);
  });
});

describe("a worker whose event loop does not turn", () => {
  it("is ended and replaced after 20 s", async () => {
    await start();
    threads.living(1).hung = true;
    await fixture.until(() => fixture.stat("server.worker_crashes") === 1, 40_000);
    assert.match(fixture.log.join("\n"), /worker 1 has not answered for 20 s: it is ended/);
    await isServing(1);
  });
});

describe("a drain with worker threads", () => {
  it("finishes what is in flight on every worker, then ends", async () => {
    await start();
    const clients = [connect(), connect()];
    for (const client of clients) client.send(REQUEST);
    await fixture.until(() => clients.every(({ text }) => text.endsWith("one")));
    let drained = false;
    const timers = fixture.server.planes?.local.dispatcher;
    assert.ok(timers);
    void drainServer(fixture.server, timers, { drainTimeMs: 10_000 }).then(() => {
      drained = true;
    });
    await fixture.time.advance(50);
    for (const client of clients) client.send(REQUEST);
    await fixture.until(() => clients.every(isOver));
    for (const client of clients) {
      assert.equal(client.text.split("HTTP/1.1 200").length, 3);
      assert.match(client.text, /connection: close/);
      client.socket.destroy();
    }
    await fixture.until(() => drained);
    assert.deepEqual(
      fixture.network.listening().filter((text) => text.endsWith(":8080")),
      [],
    );
  });

  it("stops a successor too", async () => {
    await start();
    await fixture.post("/drain_listeners");
    threads.living(0).die("exit code 1");
    await isServing(0);
    assert.deepEqual(
      fixture.network.listening().filter((text) => text.endsWith(":8080")),
      [],
    );
  });
});

describe("what the admin interface does with worker threads", () => {
  it("reaches them: logs, levels, memory", async () => {
    await start();
    await fixture.post("/logging?level=debug");
    await bodies(2);
    const lines = fixture.log.filter((line) =>
      line.startsWith("debug conn_handler: new connection"),
    );
    assert.ok(
      lines.some((line) => line.includes("8080")),
      "a worker says so",
    );
    const memory = await fixture.json("/memory");
    assert.equal(memory["allocated"], "1200", "the heaps of two threads and the main one");
  });

  it("shows a cluster as the worker that uses it knows it", async () => {
    await start();
    await fixture.request(8080, "GET /");
    assert.match((await fixture.get("/clusters")).body, /^one::127\.0\.0\.1:1001::rq_total::1$/m);
  });
});

describe("an address that is taken", () => {
  it("is refused once, for all workers alike", async () => {
    await start();
    fixture.ports.deny(8085, "EADDRINUSE");
    const taken = httpListener({ name: "taken", port: 8085 });
    const diagnostics = await fixture.reload(
      bootstrap({ clusters: [ONE], listeners: [MAIN, taken] }),
    );
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    assert.equal(errors.length, 1);
    assert.match(errors[0]?.message ?? "", /"taken" cannot bind to 127.0.0.1:8085/);
    assert.deepEqual(await bodies(2), ["one", "one"]);
  });
});
