import assert from "node:assert/strict";
import net from "node:net";
import { describe, it } from "node:test";
import {
  decodeSockaddr,
  originalDestination,
} from "../../../src/platform/node/original-destination.ts";
import { turnsUntil } from "../../kit/event-loop.ts";

describe("originalDestination", () => {
  it("is null for a connection that no firewall redirected, and for no descriptor", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await turnsUntil(() => server.listening);
    const { port } = server.address() as net.AddressInfo;
    const client = net.connect(port, "127.0.0.1");
    await turnsUntil(() => !client.connecting);
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
    const found = originalDestination(fd, false);
    // With connection tracking loaded the kernel answers the same address.
    if (found !== null) assert.deepEqual(found, { ip: "127.0.0.1", port });
    assert.equal(originalDestination(-1, false), null);
    client.destroy();
    server.close();
  });

  it("decodes IPv4", () => {
    const bytes = Buffer.from("0200003a0a0102030000000000000000", "hex");
    assert.deepEqual(decodeSockaddr(bytes), { ip: "10.1.2.3", port: 58 });
  });

  it("decodes IPv6 in its shortest form", () => {
    const decode = (address: string) =>
      decodeSockaddr(Buffer.from(`0a000050000000${"00"}${address}00000000`, "hex"));
    assert.deepEqual(decode("fd000000000000000000000000000001"), { ip: "fd00::1", port: 80 });
    assert.deepEqual(decode("00000000000000000000000000000001").ip, "::1");
    assert.deepEqual(decode("20010db8000000010000000000000000").ip, "2001:db8:0:1::");
    assert.deepEqual(decode("00010002000300040005000600070008").ip, "1:2:3:4:5:6:7:8");
    assert.deepEqual(decode("00010000000300040005000600070008").ip, "1:0:3:4:5:6:7:8");
  });
});
