// --concurrency 2 as a process of its own: both workers serve, limits hold over both, and one that
// dies takes its connections with it and nothing else.
import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { adminRequest, freePorts } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { systemConfig } from "./configs.ts";
import { eventually, Folder, RunningProxy } from "./running-proxy.ts";
import type { Trouble } from "./worker-trouble.ts";

const TROUBLE = new URL("./worker-trouble.ts", import.meta.url);
const THREADS = ["--concurrency", "2"];
/** Small enough that a test can fill it. */
const HEAP = "--max-old-space-size=200";

const folder = new Folder();
let upstream: Server;
let upstreamPort = 0;
/** Answers that the upstream holds back. */
const held: ServerResponse[] = [];
let proxy: RunningProxy;
let port = 0;
let adminPort = 0;

before(async () => {
  upstream = createServer((request, response) => {
    if (request.url === "/hold") held.push(response);
    else response.end("ok");
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});

afterEach(async () => {
  await proxy.kill();
  held.length = 0;
});

after(() => {
  upstream.closeAllConnections();
  upstream.close();
  folder.remove();
});

/** Each answer says which connection it is on: even ones are worker 0's, odd ones worker 1's. */
function routes(): object {
  const header = { key: "x-connection", value: "%CONNECTION_ID%" };
  return {
    name: "routes",
    response_headers_to_add: [{ header }],
    virtual_hosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [{ match: { prefix: "/" }, route: { cluster: "one", timeout: "0s" } }],
      },
    ],
  };
}

async function start(more: object = {}, cluster: object = {}): Promise<void> {
  [port, adminPort] = (await freePorts(2)) as [number, number];
  const manager = { route_config: routes(), ...more };
  const text = systemConfig({ port, upstreamPort, adminPort, manager, cluster });
  const file = folder.write("threads.json", text);
  const preload = `${HEAP} --import=${fileURLToPath(TROUBLE)}`;
  proxy = await RunningProxy.ready(["run", "-c", file, "--drain-time-s", "3", ...THREADS], {
    NODE_OPTIONS: preload,
    WORKER_TROUBLE: folder.file("trouble"),
  });
}

function trouble(worker: number, kind: Trouble): void {
  folder.write("trouble", `${worker} ${kind}`);
}

async function stat(name: string): Promise<number> {
  const { body } = await adminRequest(adminPort, `/stats?filter=^${name}$`, "GET");
  return Number(/: (\d+)/.exec(body)?.[1] ?? -1);
}

interface Connected {
  readonly client: RawClient;
  readonly worker: number;
}

async function ask(client: RawClient, path: string = "/"): Promise<string> {
  await client.send(`GET ${path} HTTP/1.1\r\nhost: one\r\n\r\n`);
  const { message } = await client.readResponse(false, 10_000);
  if (message === null) return "";
  assert.equal(message.startLine, "HTTP/1.1 200 OK");
  return message.headers.find((line) => line.startsWith("x-connection: "))?.slice(14) ?? "";
}

/** Connections that have had one answer. */
function connected(count: number): Promise<Connected[]> {
  const one = async (): Promise<Connected> => {
    const client = await RawClient.connect({ port });
    const id = await ask(client);
    assert.notEqual(id, "", "a new connection is lost");
    return { client, worker: Number(id) % 2 };
  };
  return Promise.all(Array.from({ length: count }, one));
}

function leave(all: readonly Connected[]): void {
  for (const { client } of all) client.destroy();
}

/** The connections of `worker` are lost, all others go on, and new ones are served by both. */
async function losesOnlyItsOwn(worker: number, all: readonly Connected[]): Promise<void> {
  for (const one of all.filter((other) => other.worker === worker))
    assert.notEqual(await one.client.waitForEnd(10_000), "open");
  for (const one of all.filter((other) => other.worker !== worker))
    assert.notEqual(await ask(one.client), "", "a connection of the other worker is lost");
  await proxy.says(`worker ${worker} serves again`);
  const fresh = await connected(32);
  assert.deepEqual([...new Set(fresh.map((one) => one.worker))].sort(), [0, 1]);
  leave(fresh);
}

describe("two worker threads", () => {
  it("share the connections, and count as one", async () => {
    await start();
    const all = await connected(64);
    const first = all.filter(({ worker }) => worker === 0).length;
    assert.ok(first > 8 && first < 56, `worker 0 has ${first} of 64 connections`);
    assert.equal(await stat("http.main.downstream_cx_active"), 64);
    assert.equal(await stat("http.main.downstream_rq_total"), 64);
    const address = `listener.127.0.0.1_${port}`;
    assert.equal(await stat(`${address}.worker_0.downstream_cx_total`), first);
    assert.equal(await stat(`${address}.worker_1.downstream_cx_total`), 64 - first);
    leave(all);
  });

  it("let exactly ten requests through a circuit breaker of ten", async () => {
    const thresholds = [{ max_requests: 10 }];
    await start({}, { circuit_breakers: { thresholds } });
    // Their first requests must stay below the limit, too.
    const all: Connected[] = [];
    while (all.length < 40) all.push(...(await connected(8)));
    const answers = all.map(async ({ client }) => {
      await client.send("GET /hold HTTP/1.1\r\nhost: one\r\n\r\n");
      const { message } = await client.readResponse(false, 15_000);
      return message?.startLine.split(" ")[1] ?? "none";
    });
    await eventually("ten requests", () => held.length >= 10);
    let refused = 0;
    for (const answer of answers)
      void answer.then((status) => (refused += Number(status === "503")));
    await eventually("thirty refusals", () => refused >= 30);
    assert.equal(held.length, 10);
    for (const response of held) response.end("late");
    const statuses = await Promise.all(answers);
    assert.equal(statuses.filter((status) => status === "200").length, 10);
    leave(all);
  });

  it("write whole lines to standard output, however long and however slowly it is read", async () => {
    const path = `/${"x".repeat(9000)}`;
    const type = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    const text_format_source = { inline_string: "[%REQ(:PATH)%]\n" };
    const typed_config = { "@type": type, log_format: { text_format_source } };
    await start({ access_log: [{ name: "out", typed_config }] });
    proxy.child.stdout?.pause();
    const all = await connected(16);
    for (let round = 0; round < 8; round++)
      await Promise.all(all.map(({ client }) => ask(client, path)));
    leave(all);
    proxy.child.stdout?.resume();
    proxy.signal("SIGTERM");
    assert.equal(await proxy.exit(), 0);
    const lines = proxy.stdout.trimEnd().split("\n");
    assert.equal(lines.length, 16 + 16 * 8);
    assert.deepEqual(
      lines.filter((line) => line !== "[/]" && line !== `[${path}]`),
      [],
    );
  });

  it("end in time when nobody reads their standard output", async () => {
    const type = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    const text_format_source = { inline_string: `${"y".repeat(8000)}\n` };
    const typed_config = { "@type": type, log_format: { text_format_source } };
    await start({ access_log: [{ name: "out", typed_config }] });
    proxy.child.stdout?.pause();
    const all = await connected(16);
    for (let round = 0; round < 8; round++) await Promise.all(all.map(({ client }) => ask(client)));
    leave(all);
    proxy.signal("SIGTERM");
    const ended = new Promise((resolve) => proxy.child.once("exit", resolve));
    await eventually("the end", () => !proxy.running);
    await ended;
    proxy.child.stdout?.resume();
  });
});

describe("a worker thread that dies", () => {
  it("by exit takes only its own connections with it", async () => {
    await start();
    const all = await connected(32);
    trouble(1, "exit");
    await proxy.says("worker 1 ended (exit code 7); its connections are lost");
    await losesOnlyItsOwn(1, all);
    assert.equal(await stat("server.worker_crashes"), 1);
    assert.equal(await stat("server.worker_restarts"), 1);
    leave(all);
  });

  it("of a full heap takes only its own connections with it", async () => {
    await start();
    const all = await connected(32);
    trouble(0, "exhaust");
    await proxy.says("worker 0 ended (ERR_WORKER_OUT_OF_MEMORY); its connections are lost");
    await losesOnlyItsOwn(0, all);
    leave(all);
  });

  it("loses of those that wait to be accepted at most the one it has in hand", async () => {
    await start();
    trouble(1, "block");
    await eventually("its block", () => folder.read("trouble") === "");
    // The kernel gives half of them to the worker that accepts nothing any more, and then dies.
    const clients = await Promise.all(
      Array.from({ length: 64 }, () => RawClient.connect({ port })),
    );
    const answers = await Promise.all(clients.map((client) => ask(client)));
    await proxy.says("worker 1 ended (exit code 7)");
    // In its last turn the loop of the dying thread takes one from the kernel, and never uses it.
    const lost = answers.filter((id) => id === "").length;
    assert.ok(lost <= 1, `${lost} of 64 connections are lost`);
    await proxy.says("worker 1 serves again");
    for (const client of clients) client.destroy();
  });
});
