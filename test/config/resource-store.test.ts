import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResourceStore } from "../../src/config/resource-store.ts";

const TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const resource = (name: string, version: string, ...values: number[]) => ({
  typeUrl: TYPE,
  name,
  version,
  origin: "dynamic" as const,
  bytes: bytes(...values),
  updatedWallMs: 5,
});
const refusal = (...values: number[]) => ({
  details: "no",
  version: "2",
  atWallMs: 9,
  bytes: bytes(...values),
});

describe("ResourceStore", () => {
  it("knows what differs from the version in force", () => {
    const store = new ResourceStore();
    assert.equal(store.differs(TYPE, "a", bytes(1)), true);
    store.put(resource("a", "1", 1, 2));
    assert.equal(store.differs(TYPE, "a", bytes(1, 2)), false);
    assert.equal(store.differs(TYPE, "a", bytes(1, 3)), true);
    assert.equal(store.differs(TYPE, "a", bytes(1)), true);
  });

  it("keeps copies, never views of what it was given", () => {
    const store = new ResourceStore();
    const given = bytes(1, 2, 3, 4).subarray(1, 3);
    store.put({ ...resource("a", "1"), bytes: given });
    given[0] = 9;
    const kept = store.get(TYPE, "a")!.bytes;
    assert.deepEqual([...kept], [2, 3]);
    assert.equal(kept.buffer.byteLength, 2);
  });

  it("keeps what is in force when a newer version is refused", () => {
    const store = new ResourceStore();
    store.put(resource("a", "1", 1));
    store.putError(TYPE, "a", refusal(7));
    const { version, error } = store.get(TYPE, "a")!;
    assert.deepEqual([version, error!.details, [...error!.bytes]], ["1", "no", [7]]);
    store.clearError(TYPE, "a");
    assert.equal(store.get(TYPE, "a")!.error, null);
  });

  it("remembers a refused resource of which nothing is in force", () => {
    const store = new ResourceStore();
    store.putError(TYPE, "a", refusal(7));
    assert.equal(store.get(TYPE, "a")!.bytes.length, 0);
    assert.equal(store.differs(TYPE, "a", bytes(7)), true);
  });

  it("goes back to the version before, or to none", () => {
    const store = new ResourceStore();
    store.put(resource("a", "1", 1));
    const before = store.get(TYPE, "a");
    store.put(resource("a", "2", 2));
    store.restore(TYPE, "a", before);
    assert.equal(store.get(TYPE, "a")!.version, "1");
    store.restore(TYPE, "a", undefined);
    assert.equal(store.get(TYPE, "a"), undefined);
  });

  it("lists by first arrival, and forgets what is removed", () => {
    const store = new ResourceStore();
    for (const name of ["b", "a", "b"]) store.put(resource(name, "1", 1));
    assert.deepEqual(
      store.all(TYPE).map(({ name }) => name),
      ["b", "a"],
    );
    store.remove(TYPE, "b");
    assert.deepEqual(
      store.all(TYPE).map(({ name }) => name),
      ["a"],
    );
    assert.deepEqual(store.all("other"), []);
  });

  it("keeps replaced versions while they drain, when asked to", () => {
    const store = new ResourceStore();
    store.keepRetired(TYPE);
    store.put(resource("a", "1", 1));
    store.put(resource("a", "2", 2));
    store.put(resource("b", "1", 1));
    store.remove(TYPE, "b");
    const versions = (drains: (name: string) => boolean): readonly string[] =>
      store.retiredOf(TYPE, drains).map(({ name, version }) => `${name}@${version}`);
    assert.deepEqual(
      versions(() => true),
      ["a@1", "b@1"],
    );
    assert.deepEqual(
      versions((name) => name === "b"),
      ["b@1"],
    );
    assert.deepEqual(
      versions(() => true),
      ["b@1"],
    );
  });

  it("holds the version of each list", () => {
    const store = new ResourceStore();
    assert.equal(store.version(TYPE), "");
    store.setVersion(TYPE, "7");
    assert.equal(store.version(TYPE), "7");
  });
});
