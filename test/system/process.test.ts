import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { freePorts } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { type SystemConfig, systemConfig } from "./configs.ts";
import { eventually, Folder, RunningProxy } from "./running-proxy.ts";

const folder = new Folder();
const upstream = new ScriptedUpstream("one");
let proxy: RunningProxy | null = null;
/** Servers that hold ports. */
const others: Server[] = [];

before(() => upstream.start());
afterEach(async () => {
  await proxy?.kill();
  proxy = null;
  for (const other of others.splice(0)) other.close();
});
after(async () => {
  await upstream.stop();
  folder.remove();
});

/** Runs a command to its end. */
async function ends(...args: string[]): Promise<RunningProxy & { code: number | null }> {
  proxy = new RunningProxy(args);
  const code = await proxy.exit();
  return Object.assign(proxy, { code });
}

async function start(args: readonly string[]): Promise<RunningProxy> {
  proxy = await RunningProxy.ready(args);
  return proxy;
}

function config(port: number, more: Partial<SystemConfig> = {}): string {
  return folder.write("envoy.json", systemConfig({ port, upstreamPort: upstream.port, ...more }));
}

async function get(port: number, path: string): Promise<string> {
  const client = await RawClient.connect({ port });
  await client.send(`GET ${path} HTTP/1.1\r\nhost: one\r\nconnection: close\r\n\r\n`);
  const { message } = await client.readResponse(false, 5000);
  client.destroy();
  return message?.startLine ?? "";
}

/** Holds a port as another process would; 0 when it is taken already. */
function occupy(port: number): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.on("error", () => resolve(0));
    server.listen(port, "127.0.0.1", () => {
      others.push(server);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

describe("a process that cannot serve", () => {
  it("names the port that is taken, in one line, and exits with 1", async () => {
    const port = await occupy(0);
    const { code, stderr, stdout } = await ends("run", "-c", config(port));
    assert.equal(code, 1);
    const lines = stderr.split("\n").filter((line) => line.includes(String(port)));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0]!, /in use|EADDRINUSE/);
    assert.doesNotMatch(stderr + stdout, /\n\s+at /, "no stack trace");
  });

  it("names an unknown flag and exits with 2", async () => {
    const { code, stderr } = await ends("run", "--no-such-flag");
    assert.equal(code, 2);
    assert.match(stderr, /--no-such-flag/);
  });

  it("names the place of a mistake, starts nothing and exits with 1", async () => {
    const [port] = (await freePorts(1)) as [number];
    const text = systemConfig({ port, upstreamPort: upstream.port });
    const file = folder.write("broken.json", text.replace('"stat_prefix"', '"stat_prefiks"'));
    const { code, stderr } = await ends("run", "-c", file);
    assert.equal(code, 1);
    assert.match(stderr, /broken\.json:1:\d+/);
    assert.match(stderr, /stat_prefiks/);
    assert.doesNotMatch(stderr, /ready after/);
    assert.equal(await occupy(port), port, "something listens");
  });

  it("names a file that is not there and exits with 1", async () => {
    const { code, stderr } = await ends("run", "-c", folder.file("missing.yaml"));
    assert.equal(code, 1);
    assert.match(stderr, /missing\.yaml/);
  });
});

describe("--mode validate", () => {
  it("accepts a good file, listens nowhere and exits with 0", async () => {
    const port = await occupy(0);
    const { code, stdout, stderr } = await ends("--mode", "validate", "-c", config(port));
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /OK/);
  });

  it("refuses a bad file with 1", async () => {
    const file = folder.write("bad.json", '{"static_resources": {"listeners": 3}}');
    const { code, stderr, stdout } = await ends("--mode", "validate", "-c", file);
    assert.equal(code, 1);
    assert.match(stderr + stdout, /listeners/);
  });
});

describe("a running process", () => {
  it("opens the usual ports, or the next free ones", async () => {
    await occupy(15000);
    await occupy(15090);
    const [port] = (await freePorts(1)) as [number];
    const { stderr } = await start(["run", "-c", config(port)]);
    const opened = (name: string): number =>
      Number(new RegExp(`${name}: http://[^:]+:(\\d+)`).exec(stderr)?.[1]);
    assert.ok(opened("admin") > 15000 && opened("admin") < 15100, stderr);
    assert.ok(opened("health") >= 15021 && opened("health") < 15121, stderr);
    assert.ok(opened("metrics") > 15090 && opened("metrics") < 15190, stderr);
    assert.equal(await get(opened("admin"), "/ready"), "HTTP/1.1 200 OK");
    assert.equal(await get(opened("health"), "/healthz/ready"), "HTTP/1.1 200 OK");
    assert.equal(await get(opened("metrics"), "/stats/prometheus"), "HTTP/1.1 200 OK");
  });

  it("writes on into a new file after SIGUSR1 when its log was moved away", async () => {
    const [port] = (await freePorts(1)) as [number];
    const path = folder.file("access.log");
    const file = config(port, { log: { path, format: "%REQ(:PATH)%" } });
    const running = await start(["run", "-c", file, "--file-flush-interval-msec", "20"]);
    await get(port, "/first");
    await eventually("the first line", () => folder.read("access.log") === "/first\n");
    renameSync(path, folder.file("access.log.1"));
    await get(port, "/second");
    const moved = (): string => folder.read("access.log.1");
    await eventually("the second line", () => moved() === "/first\n/second\n");
    running.signal("SIGUSR1");
    await eventually("a new file", () => {
      void get(port, "/third");
      return folder.read("access.log").includes("/third\n");
    });
  });

  it("keeps serving when its file becomes wrong, and says why", async () => {
    const [port] = (await freePorts(1)) as [number];
    const file = config(port);
    const running = await start(["run", "-c", file]);
    folder.write("envoy.json", "{ broken");
    await running.says("reload refused");
    assert.equal(await get(port, "/"), "HTTP/1.1 200 OK");
    config(port, { cluster: { connect_timeout: "3s" } });
    await running.says("configuration reloaded");
    assert.equal(await get(port, "/"), "HTTP/1.1 200 OK");
  });
});
