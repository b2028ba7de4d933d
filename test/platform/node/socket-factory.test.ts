import assert from "node:assert/strict";
import { connect, type Socket as NetSocket } from "node:net";
import { describe, it } from "node:test";
import { NodeSocketFactory } from "../../../src/platform/node/socket-factory.ts";
import type { Socket } from "../../../src/platform/sockets.ts";
import { describeSocketFactory } from "../../contract/socket-factory.ts";
import { settleLoop, turnsUntil } from "../../kit/event-loop.ts";

describeSocketFactory("node:net", () => ({
  factory: new NodeSocketFactory(),
  until: turnsUntil,
  settle: settleLoop,
}));

interface Handle {
  setNoDelay(enabled: boolean): number;
}

describe("an accepted socket", () => {
  // Otherwise the second of two small writes waits for the peer's delayed acknowledgement (40 ms).
  it("sends small writes at once: the system is told", async (context) => {
    const accepted: Socket[] = [];
    const address = { ip: "127.0.0.1", port: 0 };
    const listening = await new NodeSocketFactory().listen({ address }, (socket) => {
      accepted.push(socket);
    });
    const client: NetSocket = connect(listening.address.port, "127.0.0.1");
    const { _handle: handle } = client as unknown as { _handle: Handle };
    const told = context.mock.method(Object.getPrototypeOf(handle) as Handle, "setNoDelay");
    await turnsUntil(() => accepted.length > 0);
    client.destroy();
    accepted[0]?.destroy();
    listening.close();
    await settleLoop();
    assert.deepEqual(
      told.mock.calls.map((call) => call.arguments),
      [[true]],
    );
  });
});
