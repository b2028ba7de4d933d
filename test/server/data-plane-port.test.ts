import { dataPlanePortContract } from "../contract/data-plane-port.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { bootstrap, httpListener, staticCluster } from "./configs.ts";
import { ARRANGEMENTS, ServerFixture } from "./server-fixture.ts";

const TEXT = bootstrap({
  clusters: [staticCluster("one", [1001])],
  listeners: [httpListener({ name: "main", port: 8080 })],
});

for (const { dataPlanes, onThreads } of ARRANGEMENTS) {
  const name = `of ${dataPlanes}, on ${onThreads ? "a thread of its own" : "this thread"}`;
  dataPlanePortContract(name, async () => {
    const fixture = await ServerFixture.create(TEXT, { dataPlanes, onThreads });
    await fixture.start();
    const clients: MemoryClient[] = [];
    return {
      port: () => {
        const [port] = fixture.server.planes?.ports ?? [];
        if (port === undefined) throw new Error("the server has no data plane");
        return port;
      },
      settled: (promise) => fixture.settled(promise),
      listening: () => fixture.network.listening(),
      deny: (port) => {
        fixture.ports.deny(port, "EADDRINUSE");
        fixture.network.denyBind({ ip: "127.0.0.1", port }, "EADDRINUSE");
      },
      connect: async (port) => {
        clients.push(new MemoryClient(fixture.network, { ip: "127.0.0.1", port }));
        await fixture.time.advance(2);
      },
      close: async () => {
        for (const client of clients) client.socket.destroy();
        await fixture.time.advance(1);
        await fixture.close();
      },
    };
  });
}
