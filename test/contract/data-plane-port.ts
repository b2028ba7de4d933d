// What every DataPlanePort promises, whether its data plane is on this thread or on another.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { ConfigUpdate } from "../../src/server/data-plane.ts";
import type { DataPlanePort, PreparedPart } from "../../src/server/data-plane-port.ts";

/** A server that serves port 8080, and one of its ports. */
export interface DataPlanePortHarness {
  port(): DataPlanePort;
  /** Lets time pass until it is done. */
  settled<Value>(promise: Promise<Value>): Promise<Value>;
  listening(): string[];
  /** Binding that port fails from now on. */
  deny(port: number): void;
  /** Opens a connection that stays open until the end. */
  connect(port: number): Promise<void>;
  close(): Promise<void>;
}

const NOTHING: ConfigUpdate = {
  clusters: [],
  removedClusters: [],
  listeners: [],
  removedListeners: [],
  clustersMayFollow: true,
  allOrNothing: false,
};

const ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo";

function listener(name: string, port: number, more: object = {}): ConfigUpdate {
  const message = {
    name,
    address: { socketAddress: { address: "127.0.0.1", portValue: port } },
    filterChains: [
      { filters: [{ name: "echo", typedConfig: { typeUrl: ECHO, value: {} } }], ...more },
    ],
  };
  return { ...NOTHING, listeners: [{ message, path: "a.listener" }] };
}

export function dataPlanePortContract(
  name: string,
  create: () => Promise<DataPlanePortHarness>,
): void {
  describe(`the port of a data plane ${name}`, () => {
    let harness: DataPlanePortHarness;
    let port: DataPlanePort;

    beforeEach(async () => {
      harness = await create();
      port = harness.port();
    });
    afterEach(() => harness.close());

    async function prepared(update: ConfigUpdate): Promise<PreparedPart> {
      const part = await harness.settled(port.prepare(update));
      assert.ok(part);
      return part;
    }

    it("prepares without touching anything, then commits", async () => {
      const part = await prepared(listener("more", 8081));
      assert.deepEqual(part.diagnostics, []);
      assert.equal(harness.listening().includes("127.0.0.1:8081"), false);
      assert.deepEqual(await harness.settled(part.commit()), []);
      assert.ok(harness.listening().includes("127.0.0.1:8081"));
    });

    it("forgets what is discarded", async () => {
      (await prepared(listener("more", 8081))).discard();
      const next = await prepared(NOTHING);
      assert.deepEqual(await harness.settled(next.commit()), []);
      assert.equal(harness.listening().includes("127.0.0.1:8081"), false);
    });

    it("says where a configuration is wrong", async () => {
      const part = await prepared(listener("more", 8081, { filters: [{ name: "nothing" }] }));
      part.discard();
      const [first] = part.diagnostics;
      assert.equal(first?.severity, "error");
      assert.match(first?.path ?? "", /^a\.listener\.filter_chains\[0\]\.filters\[0\]/);
    });

    it("says what could not be bound", async () => {
      harness.deny(8081);
      const part = await prepared(listener("more", 8081));
      const problems = await harness.settled(part.commit());
      assert.equal(problems.length, 1);
      assert.match(problems[0]?.message ?? "", /Listener "more" cannot bind to 127.0.0.1:8081/);
    });

    it("knows its listeners, clusters and connections", async () => {
      await harness.connect(8080);
      const { listeners, warmingClusters } = await harness.settled(port.facts());
      assert.deepEqual(warmingClusters, []);
      const [main] = listeners;
      assert.equal(main?.name, "main");
      assert.equal(main?.state, "active");
      assert.deepEqual(main?.addresses, [{ ip: "127.0.0.1", port: 8080 }]);
      const names = [...(await harness.settled(port.clusters()))].map(({ config }) => config.name);
      assert.deepEqual(names, ["one"]);
      assert.ok((await harness.settled(port.connectionCount())) >= 0);
      await harness.settled(port.refreshStats());
    });

    it("stops accepting", async () => {
      const before = harness.listening().filter((text) => text.endsWith(":8080")).length;
      port.stopListeners("all");
      await harness.settled(port.facts());
      const after = harness.listening().filter((text) => text.endsWith(":8080")).length;
      assert.equal(after, before - 1);
    });
  });
}
