import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { systemConfig } from "./configs.ts";
import { eventually, Folder, RunningProxy } from "./running-proxy.ts";
import { SteadyLoad } from "./steady-load.ts";

const CONNECTIONS = 64;
const REQUESTS_PER_SECOND = 5000;
/** Two of the ten versions change the listener; the others its cluster. */
const RELOADS = 10;
const LISTENER_CHANGES = [3, 7];

const folder = new Folder();
let upstream: ChildProcess;
let upstreamPort = 0;

before(async () => {
  const program = fileURLToPath(new URL("../../bench/load/main.ts", import.meta.url));
  upstream = fork(program, ["@upstream"]);
  const [message] = (await once(upstream, "message")) as [{ httpPort: number }];
  upstreamPort = message.httpPort;
});

after(() => {
  upstream.kill("SIGKILL");
  folder.remove();
});

function version(port: number, number: number): string {
  const changes = LISTENER_CHANGES.filter((change) => change <= number).length;
  return systemConfig({
    port,
    upstreamPort,
    cluster: { connect_timeout: `${5 + number}s` },
    listener: { per_connection_buffer_limit_bytes: 1_000_000 + changes },
  });
}

function load(port: number, seconds: number): SteadyLoad {
  const shape = { connections: CONNECTIONS, requestsPerSecond: REQUESTS_PER_SECOND };
  return new SteadyLoad({ ...shape, port, seconds });
}

for (const threads of ["1", "2"]) {
  describe(`a proxy under 5 000 requests a second, --concurrency ${threads}`, () => {
    it("loses none of 64 connections in ten reloads", () => loadedReloads(threads));

    it("loses none of them when it is told to stop, and exits with 0", () => loadedStop(threads));
  });
}

async function loadedReloads(threads: string): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  const file = folder.write("reload.json", version(port, 0));
  const flags = ["--concurrency", threads, "--drain-time-s", "2"];
  const proxy = await RunningProxy.ready(["run", "-c", file, ...flags]);
  const requests = load(port, 60);
  try {
    requests.start();
    for (let number = 1; number <= RELOADS; number++) {
      const enough = requests.answered + 2500;
      await eventually("answers", () => requests.answered >= enough);
      folder.write("reload.json", version(port, number));
      await proxy.says("configuration reloaded", number);
    }
    // The connections of the last listener but one have until the drain time is over.
    const enough = requests.answered + 15_000;
    await eventually("answers", () => requests.answered >= enough);
    requests.stop();
    await eventually("the last answers", () => requests.idle);
    assert.deepEqual(requests.failures, []);
    const opened = CONNECTIONS * (1 + LISTENER_CHANGES.length);
    assert.ok(requests.reconnects >= opened, "the changed listeners let their connections go");
  } finally {
    requests.close();
    await proxy.kill();
  }
}

async function loadedStop(threads: string): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  const file = folder.write("stop.json", version(port, 0));
  const proxy = await RunningProxy.ready(["run", "-c", file, "--concurrency", threads]);
  const requests = load(port, 60);
  try {
    requests.start();
    await eventually("answers", () => requests.answered >= 5000);
    proxy.signal("SIGTERM");
    const code = await proxy.exit();
    const afterLastMs = performance.now() - requests.lastAnswerMs;
    assert.deepEqual(requests.failures, []);
    assert.equal(code, 0);
    assert.ok(afterLastMs < 5000, `exit ${afterLastMs} ms after the last answer`);
  } finally {
    requests.close();
    await proxy.kill();
  }
}

describe("a proxy that is told to stop", () => {
  it("finishes a request in flight", async () => {
    await withSlowUpstream(1500, async (proxy, client) => {
      proxy.signal("SIGTERM");
      const { message } = await client.readResponse(false, 10_000);
      assert.equal(message?.startLine, "HTTP/1.1 200 OK");
      assert.ok(message?.headers.includes("connection: close"));
      assert.equal(await proxy.exit(), 0);
    });
  });

  it("ends at once on the second signal", async () => {
    await withSlowUpstream(3_600_000, async (proxy, client) => {
      proxy.signal("SIGTERM");
      await proxy.says("draining");
      proxy.signal("SIGTERM");
      assert.equal(await proxy.exit(), 1);
      assert.notEqual(await client.waitForEnd(5000), "open");
    });
  });
});

/** A request waits at an upstream that answers after `delayMs`. */
async function withSlowUpstream(
  delayMs: number,
  body: (proxy: RunningProxy, client: RawClient) => Promise<void>,
): Promise<void> {
  const slow = new ScriptedUpstream("slow");
  await slow.start();
  const send = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  slow.play(delayMs > 60_000 ? { tcp: "sink" } : { replies: [{ delayMs, send }] });
  const [port] = (await freePorts(1)) as [number];
  const file = folder.write("slow.json", systemConfig({ port, upstreamPort: slow.port }));
  const proxy = await RunningProxy.ready(["run", "-c", file]);
  try {
    const client = await RawClient.connect({ port });
    client.send("GET / HTTP/1.1\r\nhost: one\r\n\r\n");
    assert.ok(await slow.saw("GET /", 5000));
    await body(proxy, client);
    client.destroy();
  } finally {
    await proxy.kill();
    await slow.stop();
  }
}
