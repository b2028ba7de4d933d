import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import process from "node:process";
import { describe, it } from "node:test";
import { NodeSharedPorts } from "../../../src/platform/node/shared-ports.ts";
import { NodeSocketFactory } from "../../../src/platform/node/socket-factory.ts";
import type { SharedPort } from "../../../src/platform/shared-ports.ts";
import type { ListenSocket, Socket } from "../../../src/platform/sockets.ts";

const ports = new NodeSharedPorts();
const sockets = new NodeSocketFactory();
const LOOPBACK = { ip: "127.0.0.1", port: 0 };
const linux = { skip: process.platform === "linux" ? false : "the kernel shares nothing out here" };

function accept(port: SharedPort, plane: number, onAccept: () => void): Promise<ListenSocket> {
  const descriptor = port.descriptorFor(plane);
  return sockets.listen({ address: port.address, descriptor }, (socket: Socket) => {
    onAccept();
    socket.destroy();
  });
}

/** Resolves when the connection is over: true when it was accepted and closed, not reset. */
function connect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const client = net.connect(port, "127.0.0.1");
    client.resume();
    client.on("error", () => resolve(false));
    client.on("end", () => resolve(true));
  });
}

describe("a port that the main thread binds", () => {
  it("is one port for all data planes, also when any is asked for", linux, async () => {
    const port = ports.bind({ address: LOOPBACK, reusePort: true }, 2);
    assert.ok(port.address.port > 0);
    const accepted = [0, 0];
    const listening = await Promise.all(
      [0, 1].map((plane) => accept(port, plane, () => accepted[plane]!++)),
    );
    for (const one of listening) assert.deepEqual(one.address, port.address);
    const results = await Promise.all(Array.from({ length: 64 }, () => connect(port.address.port)));
    assert.ok(results.every((well) => well));
    assert.equal(accepted[0]! + accepted[1]!, 64);
    assert.ok(accepted[0]! > 0 && accepted[1]! > 0, `the kernel shares them out: ${accepted}`);
    for (const one of listening) one.close();
    port.close();
  });

  it("keeps what waits to be accepted while nobody does", async () => {
    const port = ports.bind({ address: LOOPBACK, reusePort: false }, 2);
    const first = await accept(port, 0, () => undefined);
    first.close();
    const waiting = connect(port.address.port);
    const second = await accept(port, 1, () => undefined);
    assert.equal(await waiting, true);
    second.close();
    port.close();
  });

  it("gives each data plane a descriptor of its own", () => {
    const port = ports.bind({ address: LOOPBACK, reusePort: true }, 2);
    const descriptors = [port.descriptorFor(0), port.descriptorFor(0), port.descriptorFor(1)];
    assert.equal(new Set(descriptors).size, 3);
    for (const descriptor of descriptors) closeSync(descriptor);
    port.release(0);
    assert.throws(() => port.descriptorFor(0), { code: "EBADF" });
    port.close();
  });

  it("names what is in the way, and leaves nothing bound", async () => {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const taken = { address: { ip: "127.0.0.1", port }, reusePort: true };
    assert.throws(() => ports.bind(taken, 2), { code: "EADDRINUSE" });
    const foreign = { address: { ip: "203.0.113.1", port: 0 }, reusePort: true };
    assert.throws(() => ports.bind(foreign, 2), { code: "EADDRNOTAVAIL" });
    await new Promise((resolve) => other.close(resolve));
    ports.bind(taken, 2).close();
  });

  it("may be a Unix socket, which all share", async () => {
    const path = `@outrigger-test-${process.pid}`;
    const port = ports.bind({ address: { ip: "", port: 0, path }, reusePort: true }, 2);
    const accepted: number[] = [];
    const listening = await Promise.all(
      [0, 1].map((id) => accept(port, id, () => accepted.push(id))),
    );
    const client = net.connect(`\0${path.slice(1)}`);
    client.resume();
    await new Promise((resolve) => client.on("end", resolve));
    assert.equal(accepted.length, 1);
    for (const one of listening) one.close();
    port.close();
  });
});
