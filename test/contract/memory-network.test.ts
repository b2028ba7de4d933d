import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryClient } from "../kit/memory-client.ts";
import { MemoryNetwork } from "../kit/memory-network.ts";
import type { Link } from "../kit/memory-socket.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import { describeSocketFactory, type SocketFactoryHarness } from "./socket-factory.ts";

function harness(link: Partial<Link>): SocketFactoryHarness {
  const time = new SimulatedTime();
  return {
    factory: new MemoryNetwork(time, link),
    until: (condition) => time.until(condition),
    settle: () => time.advance(1000),
  };
}

describeSocketFactory("in memory, at once", () => harness({}));
describeSocketFactory("in memory, 3 ms away in odd chunks", () => {
  const random = new SeededRandom(7);
  return harness({ latencyMs: 3, chunkBytes: () => 1 + random.below(9000), kernelBytes: 100_000 });
});

describe("MemoryNetwork", () => {
  it("takes the latency to connect and to deliver", async () => {
    const time = new SimulatedTime();
    const network = new MemoryNetwork(time, { latencyMs: 10 });
    const address = { ip: "127.0.0.1", port: 80 };
    const got: string[] = [];
    await network.listen({ address }, (socket) => {
      socket.events = Object.assign(Object.create(null), {
        onBytes: (buffer: Buffer, length: number) => got.push(buffer.toString("latin1", 0, length)),
        onEnd: () => undefined,
        onClose: () => undefined,
      });
      socket.resume();
    });
    const client = new MemoryClient(network, address);
    client.send("x");
    await time.advance(19);
    assert.deepEqual([client.connected, got], [false, []]);
    await time.advance(1);
    assert.deepEqual([client.connected, got], [true, []]);
    await time.advance(10);
    assert.deepEqual(got, ["x"]);
  });

  it("tells a redirected listener the original destination", async () => {
    const time = new SimulatedTime();
    const network = new MemoryNetwork(time);
    const original = { ip: "10.1.2.3", port: 80 };
    const listener = { ip: "0.0.0.0", port: 15001 };
    network.redirect(original, { ip: "127.0.0.1", port: 15001 });
    const seen: unknown[] = [];
    await network.listen({ address: listener }, (socket) => {
      seen.push(socket.originalDestination(), socket.localSocketAddress());
    });
    new MemoryClient(network, original);
    await time.advance(0);
    assert.deepEqual(seen, [original, { ip: "127.0.0.1", port: 15001 }]);
  });

  it("never answers a silent destination, and refuses a refused one", async () => {
    const time = new SimulatedTime();
    const network = new MemoryNetwork(time);
    const address = { ip: "127.0.0.1", port: 80 };
    await network.listen({ address }, () => undefined);
    network.ignore(address);
    const silent = new MemoryClient(network, address);
    await time.advance(100_000);
    assert.deepEqual([silent.connected, silent.closed], [false, false]);
    network.restore(address);
    network.refuse(address);
    const refused = new MemoryClient(network, address);
    await time.advance(0);
    assert.equal(refused.error?.code, "ECONNREFUSED");
  });
});
