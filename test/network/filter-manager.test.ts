import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filterMessage, ListenerFixture, listenerMessage } from "../kit/listener-fixture.ts";
import {
  type FilterScript,
  SCRIPTED_MESSAGE,
  scriptedFilterType,
} from "../kit/scripted-network-filter.ts";

interface Chain {
  readonly proxy: ListenerFixture;
  readonly events: string[];
  readonly scripts: readonly FilterScript[];
}

/** A listener on port 1000 with filters a, b and c (the terminal one). */
async function start(limitBytes = 1_048_576): Promise<Chain> {
  const events: string[] = [];
  const scripts = ["a", "b", "c"].map(
    (name): FilterScript => ({
      name,
      events,
      instances: [],
      atNewConnection: "continue",
      atData: "continue",
    }),
  );
  const proxy = new ListenerFixture({
    networkFilters: scripts.map((script, index) => scriptedFilterType(script, index === 2)),
  });
  const filters = scripts.map(({ name }) => filterMessage(`${SCRIPTED_MESSAGE}.${name}`));
  await proxy.apply(listenerMessage(1000, filters, { perConnectionBufferLimitBytes: limitBytes }));
  return { proxy, events, scripts };
}

function drain(events: string[]): string[] {
  return events.splice(0);
}

describe("network filter chain", () => {
  it("shows the connection and its bytes to every filter in order", async () => {
    const { proxy, events } = await start();
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    assert.deepEqual(drain(events), ["a new", "b new", "c new"]);
    client.send("x");
    await proxy.time.advance(0);
    assert.deepEqual(drain(events), ["a x", "b x", "c x"]);
    client.end();
    await proxy.time.advance(0);
    assert.deepEqual(drain(events), [
      ...["a", "b", "c"].map((name) => `${name} closed by remote`),
      ...["a", "b", "c"].map((name) => `${name} destroyed`),
    ]);
    await proxy.close();
  });

  it("holds the new connection from later filters until the filter goes on", async () => {
    const { proxy, events, scripts } = await start();
    scripts[0]!.atNewConnection = "stop";
    proxy.connect(1000);
    await proxy.time.advance(0);
    assert.deepEqual(drain(events), ["a new"]);
    proxy.dispatcher.runEvent(() => scripts[0]?.instances[0]?.callbacks.continueReading());
    assert.deepEqual(drain(events), ["b new", "c new"]);
    await proxy.close();
  });

  it("keeps a copy of held bytes and offers them again with what follows", async () => {
    const { proxy, events, scripts } = await start();
    const client = proxy.connect(1000);
    scripts[1]!.atData = "stop";
    client.send("one");
    await proxy.time.advance(0);
    client.send("two");
    await proxy.time.advance(0);
    assert.deepEqual(drain(events).slice(3), ["a one", "b one", "a onetwo", "b onetwo"]);
    proxy.dispatcher.runEvent(() => scripts[1]?.instances[0]?.callbacks.continueReading());
    assert.deepEqual(drain(events), ["c onetwo"]);
    scripts[1]!.atData = "continue";
    client.send("three");
    await proxy.time.advance(0);
    assert.deepEqual(drain(events), ["a three", "b three", "c three"]);
    await proxy.close();
  });

  it("stops reading when a filter holds more than the buffer limit, and goes on afterwards", async () => {
    const { proxy, events, scripts } = await start(10_000);
    const client = proxy.connect(1000);
    scripts[0]!.atData = "stop";
    await proxy.time.advance(0);
    client.send("x".repeat(30_000));
    client.send("y".repeat(300_000));
    await proxy.time.advance(0);
    const held = Math.max(...events.map((event) => event.length));
    assert.ok(held < 70_000, `${held} bytes were held`);
    scripts[0]!.atData = "continue";
    proxy.dispatcher.runEvent(() => scripts[0]?.instances[0]?.callbacks.continueReading());
    await proxy.time.advance(0);
    const received = events.filter((event) => event.startsWith("c ") && event !== "c new");
    assert.equal(
      received.reduce((sum, event) => sum + event.length - 2, 0),
      330_000,
    );
    await proxy.close();
  });

  it("lets a filter close the connection while it is offered", async () => {
    const { proxy, events, scripts } = await start();
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    drain(events);
    scripts[0]!.atData = "stop";
    client.send("x");
    await proxy.time.advance(0);
    proxy.dispatcher.runEvent(() => {
      scripts[0]?.instances[0]?.callbacks.connection.close("no-flush");
      scripts[0]?.instances[0]?.callbacks.continueReading();
    });
    assert.deepEqual(drain(events).slice(0, 2), ["a x", "a closed by local"]);
    assert.equal(events.includes("b x"), false);
    await proxy.close();
  });

  it("closes a connection at once when its chain has no filters, and counts it", async () => {
    const proxy = new ListenerFixture();
    await proxy.apply(listenerMessage(1000, []));
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat("listener.127.0.0.1_1000.downstream_cx_total"), 1);
    assert.equal(proxy.stat("listener.127.0.0.1_1000.downstream_cx_destroy"), 1);
    await proxy.close();
  });
});
