import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectForCheck } from "../../../src/extensions/common/check-connector.ts";
import type {
  HealthProbeServices,
  HealthProbeTarget,
} from "../../../src/upstream/health/health-probe.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import { staticMessage, TestUpstream, upstreamFixture } from "../../upstream/upstream-fixture.ts";

describe("connectForCheck", () => {
  it("connects from the cluster's source address", async () => {
    const fixture = upstreamFixture();
    const { manager, network, time, dispatcher, services } = fixture;
    const upstream = await new TestUpstream().listen(network, 1001);
    const sourceAddress = { address: "127.0.0.9", portValue: 0 };
    fixture.add(staticMessage([1000], { upstreamBindConfig: { sourceAddress } }));
    const { info } = fixture.cluster("c");
    const target = { cluster: info, address: () => ({ ip: "127.0.0.1", port: 1001 }) };
    connectForCheck(target as HealthProbeTarget, services as unknown as HealthProbeServices, {
      onSocketConnected: (socket) => socket.destroy(),
      onConnectFailed: () => assert.fail("not connected"),
    });
    await time.advance(10);
    assert.deepEqual(
      upstream.sockets.map((socket) => socket.remoteSocketAddress().ip),
      ["127.0.0.9"],
    );
    upstream.close();
    for (const socket of upstream.sockets) socket.destroy();
    manager.close(() => undefined);
    await assertNoLeaks({ time, network, dispatchers: [dispatcher] });
  });
});
