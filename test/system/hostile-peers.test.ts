import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { freePorts } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { ScriptedUpstream, type UpstreamScript } from "../kit/scripted-upstream.ts";
import { systemConfig } from "./configs.ts";
import { eventually, Folder, RunningProxy } from "./running-proxy.ts";

const MIB = 1024 * 1024;
const BIG = 150 * MIB;
/** What a connection may cost at most, whatever its peers do: buffers, and garbage not yet gone. */
const GROWTH_MAX = 40 * MIB;
const FORMAT = "%REQ(X-ID)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";

const folder = new Folder();
const upstream = new ScriptedUpstream("one");
let proxy: RunningProxy | null = null;
let port = 0;
const sockets: { destroy(): unknown }[] = [];
const servers: Server[] = [];

before(async () => {
  await upstream.start();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  await proxy?.kill();
});
after(async () => {
  await upstream.stop();
  folder.remove();
});

async function start(
  manager: object = {},
  upstreamPort: number = upstream.port,
  script: UpstreamScript = {},
): Promise<void> {
  upstream.play(script);
  [port] = (await freePorts(1)) as [number];
  const log = { path: folder.file("access.log"), format: FORMAT };
  const file = folder.write("envoy.json", systemConfig({ port, upstreamPort, manager, log }));
  proxy = await RunningProxy.ready(["run", "-c", file, "--file-flush-interval-msec", "20"]);
}

/** The log line of a request. */
async function logged(id: string): Promise<string> {
  let found: string | undefined;
  await eventually(`a log line of ${id}`, () => {
    const lines = folder.read("access.log").split("\n");
    found = lines.find((line) => line.startsWith(`${id} `));
    return found !== undefined;
  });
  return found!.slice(id.length + 1);
}

async function client(): Promise<RawClient> {
  const raw = await RawClient.connect({ port });
  sockets.push(raw);
  return raw;
}

function resident(): number {
  assert.ok(proxy !== null);
  return proxy.residentBytes;
}

async function serves(): Promise<void> {
  upstream.play({});
  const good = await client();
  await good.send("GET / HTTP/1.1\r\nhost: one\r\n\r\n");
  const { message } = await good.readResponse(false, 5000);
  assert.equal(message?.startLine, "HTTP/1.1 200 OK");
}

describe("a hostile client", () => {
  it("that sends its head a byte at a time runs into the time-out", async () => {
    await start({ request_headers_timeout: "0.5s" });
    const clients = await Promise.all(Array.from({ length: 50 }, () => client()));
    const dripping = setInterval(() => {
      for (const one of clients) void one.send("x");
    }, 50);
    sockets.push({ destroy: () => clearInterval(dripping) });
    for (const one of clients) await one.send("GET / HTTP/1.1\r\nx-");
    for (const one of clients) {
      const { message } = await one.readResponse(false, 10_000);
      assert.equal(message?.startLine, "HTTP/1.1 408 Request Timeout");
      assert.notEqual(await one.waitForEnd(5000), "open");
    }
    assert.match(await logged("-"), /^408 .* request_header_timeout$/);
    await serves();
  });

  it("whose head never ends is answered with 431", async () => {
    await start();
    const before = resident();
    const one = await client();
    await one.send("GET / HTTP/1.1\r\nhost: one\r\n");
    const line = `x-more: ${"m".repeat(1000)}\r\n`;
    for (let count = 0; count < 20_000 && one.end === "open"; count++) await one.send(line);
    const { message } = await one.readResponse(false, 5000);
    assert.equal(message?.startLine, "HTTP/1.1 431 Request Header Fields Too Large");
    assert.ok(resident() - before < GROWTH_MAX);
    await serves();
  });

  it("that stops reading a big answer costs bounded memory", async () => {
    const server = await bigAnswers();
    await start({ stream_idle_timeout: "2s" }, (server.address() as AddressInfo).port);
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    await once(socket, "connect");
    const before = resident();
    socket.write("GET / HTTP/1.1\r\nhost: one\r\nx-id: big\r\n\r\n");
    // The first bytes came; nothing is read any more.
    await once(socket, "readable");
    socket.pause();
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, resident() - before);
    }, 20);
    sockets.push({ destroy: () => clearInterval(watching) });
    const line = await logged("big");
    assert.ok(most < GROWTH_MAX, `${Math.round(most / MIB)} MiB more`);
    assert.match(line, /^200 SI stream_idle_timeout$/);
  });

  it("that sends a big body to an upstream that does not read it costs bounded memory", async () => {
    const slow = await slowReader();
    await start({}, (slow.server.address() as AddressInfo).port);
    const before = resident();
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    await once(socket, "connect");
    socket.write(`POST / HTTP/1.1\r\nhost: one\r\nx-id: up\r\ncontent-length: ${BIG}\r\n\r\n`);
    const upstreamSocket = await slow.accepted;
    const sent = sendBody(socket);
    // The proxy takes no more: the sender waits although nobody has read anything.
    let still = 0;
    let last = -1;
    await eventually("back-pressure", () => {
      still = socket.bytesWritten === last ? still + 1 : 0;
      last = socket.bytesWritten;
      return still > 30;
    });
    const growth = resident() - before;
    assert.ok(growth < GROWTH_MAX, `${Math.round(growth / MIB)} MiB more`);
    upstreamSocket.resume();
    await sent;
    const answer = new Promise((resolve) => socket.once("data", resolve));
    assert.match(String(await answer), /^HTTP\/1\.1 200 OK/);
    assert.ok(resident() - before < GROWTH_MAX);
    assert.match(await logged("up"), /^200 - via_upstream$/);
  });

  it("that leaves in the middle of an answer is logged as such", async () => {
    const send = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart";
    await start({}, upstream.port, { replies: [{ send }] });
    const one = await client();
    await one.send("GET / HTTP/1.1\r\nhost: one\r\nx-id: left\r\n\r\n");
    await one.readUntil("part", 5000);
    one.reset();
    assert.match(await logged("left"), /^200 DC downstream_remote_disconnect$/);
    await serves();
  });
});

describe("a hostile upstream", () => {
  it("that dies in the middle of its answer cuts the client's too", async () => {
    const send = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart";
    await start({}, upstream.port, { replies: [{ send, after: "close" }] });
    const one = await client();
    await one.send("GET / HTTP/1.1\r\nhost: one\r\nx-id: cut\r\n\r\n");
    const { message, problem } = await one.readResponse(false, 5000);
    assert.equal(message?.body, "part");
    assert.equal(message?.complete, false);
    assert.equal(problem, "connection ended");
    assert.match(await logged("cut"), /^200 UPE upstream_reset_after_response_started\{/);
    await serves();
  });

  it("that resets before its answer is answered for with 503", async () => {
    await start({}, upstream.port, { replies: [{ after: "reset" }] });
    const one = await client();
    await one.send("GET / HTTP/1.1\r\nhost: one\r\nx-id: reset\r\n\r\n");
    const { message } = await one.readResponse(false, 5000);
    assert.equal(message?.startLine, "HTTP/1.1 503 Service Unavailable");
    assert.match(await logged("reset"), /^503 UC upstream_reset_before_response_started\{/);
    await serves();
  });

  it("that sends garbage is answered for with 502", async () => {
    await start({}, upstream.port, { replies: [{ send: "\0\0garbage\r\n\r\n" }] });
    const one = await client();
    await one.send("GET / HTTP/1.1\r\nhost: one\r\nx-id: garbage\r\n\r\n");
    const { message } = await one.readResponse(false, 5000);
    assert.equal(message?.startLine, "HTTP/1.1 502 Bad Gateway");
    assert.match(await logged("garbage"), /^502 UPE upstream_reset_before_response_started\{/);
    await serves();
  });

  it("that answers before the request ends is passed on", async () => {
    const send = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
    await start({}, upstream.port, { replies: [{ send, when: "head" }] });
    const one = await client();
    await one.send(
      "POST / HTTP/1.1\r\nhost: one\r\nx-id: early\r\ncontent-length: 100\r\n\r\nsome",
    );
    const { message } = await one.readResponse(false, 5000);
    assert.equal(message?.startLine, "HTTP/1.1 403 Forbidden");
    assert.equal(message?.body, "no");
    assert.match(await logged("early"), /^403 /);
    await serves();
  });
});

/** A server that answers everything with BIG bytes, as fast as it is read. */
async function bigAnswers(): Promise<Server> {
  const block = Buffer.alloc(256 * 1024, "b");
  const server = createServer((socket) => {
    sockets.push(socket);
    let left = BIG;
    const more = (): void => {
      while (left > 0) {
        left -= block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${BIG}\r\n\r\n`);
      more();
    });
    socket.on("drain", more);
    socket.on("error", () => socket.destroy());
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A server whose first connection does not read until resumed; answers when all of it came. */
async function slowReader(): Promise<{ server: Server; accepted: Promise<Socket> }> {
  const server = createServer({ pauseOnConnect: true });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection").then(([socket]) => {
    let received = 0;
    (socket as Socket).on("data", (bytes: Buffer) => {
      received += bytes.length;
      if (received > BIG) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    (socket as Socket).pause();
    sockets.push(socket);
    return socket as Socket;
  });
  return { server, accepted };
}

async function sendBody(socket: Socket): Promise<void> {
  const block = Buffer.alloc(256 * 1024, "u");
  for (let left = BIG; left > 0; left -= block.length) {
    if (!socket.write(block)) await once(socket, "drain");
  }
}
