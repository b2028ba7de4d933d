import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HealthFlag } from "../../src/upstream/host.ts";
import { createHostSlots, HostSlots } from "../../src/upstream/host-slots.ts";
import {
  createSharedSlots,
  reclaimSharedSlots,
  SCRATCH_SLOT,
  SharedSlots,
} from "../../src/upstream/shared-slots.ts";

describe("SharedSlots", () => {
  const layout = { capacity: 8, dataPlanes: 2, sharedWords: 1, stripeCells: 2 };

  it("gives two data planes the same slot for the same key", () => {
    const handle = createSharedSlots(layout);
    const a = new SharedSlots(handle);
    const b = new SharedSlots(handle);
    const slot = a.acquire("host 1");
    assert.notEqual(slot, SCRATCH_SLOT);
    assert.equal(b.acquire("host 1"), slot);
    assert.notEqual(b.acquire("host 2"), slot);
    assert.equal(a.used, 2);
  });

  it("keeps a slot until its last holder lets go, then gives it out zeroed in a new generation", () => {
    const slots = new SharedSlots(createSharedSlots(layout));
    const slot = slots.acquire("a");
    slots.acquire("a");
    slots.cells[slots.cellIndex(slot, 1)] = 7;
    slots.words[slots.wordIndex(slot)] = 9;
    const generation = slots.generation(slot);
    slots.release("a");
    assert.equal(slots.acquire("a"), slot, "still held");
    assert.equal(slots.sum(slot, 0), 7);
    slots.release("a");
    slots.release("a");
    assert.equal(slots.generation(slot), generation + 1);
    assert.equal(slots.acquire("b"), slot);
    assert.equal(slots.sum(slot, 0), 0);
    assert.equal(slots.words[slots.wordIndex(slot)], 0);
  });

  it("gives the scratch slot when all are taken, and recovers", () => {
    const slots = new SharedSlots(createSharedSlots(layout));
    for (let taken = 1; taken < layout.capacity; taken++) {
      assert.notEqual(slots.acquire(`k${taken}`), SCRATCH_SLOT);
    }
    assert.equal(slots.acquire("one too many"), SCRATCH_SLOT);
    slots.release("k3");
    assert.notEqual(slots.acquire("now"), SCRATCH_SLOT);
  });

  it("finds every one of many keys again", () => {
    const slots = new SharedSlots(createSharedSlots({ ...layout, capacity: 20_001 }));
    const places = Array.from({ length: 20_000 }, (_, index) => slots.acquire(`key ${index}`));
    assert.equal(new Set(places).size, 20_000);
    for (let index = 0; index < 20_000; index += 997) {
      assert.equal(slots.acquire(`key ${index}`), places[index]);
    }
    assert.equal(slots.used, 20_000);
  });
});

describe("SharedSlots of a data plane that died", () => {
  const layout = { capacity: 8, dataPlanes: 2, sharedWords: 1, stripeCells: 2 };

  it("go on with its successor, and are free when nobody wants them", () => {
    const handle = createSharedSlots(layout);
    const dead = new SharedSlots(handle, 0);
    const other = new SharedSlots(handle, 1);
    const [wanted, shared, forgotten] = ["wanted", "shared", "forgotten"].map((key) =>
      dead.acquire(key),
    ) as [number, number, number];
    dead.acquire("wanted");
    other.acquire("shared");
    dead.words[dead.wordIndex(wanted)] = 5;
    const giveBack = reclaimSharedSlots(handle, 0);
    const successor = new SharedSlots(handle, 0);
    assert.equal(successor.acquire("wanted"), wanted);
    assert.equal(successor.words[successor.wordIndex(wanted)], 5);
    giveBack();
    assert.equal(other.used, 2);
    const generations = [wanted, shared, forgotten].map((slot) => other.generation(slot));
    assert.deepEqual(generations, [0, 0, 1]);
    successor.release("wanted");
    other.release("shared");
    assert.equal(other.used, 0);
  });

  it("open the lock that it held", () => {
    const handle = createSharedSlots(layout);
    // It died in the middle of an acquire: its number stands in the lock.
    new Int32Array(handle.directory)[0] = 1;
    reclaimSharedSlots(handle, 0)();
    assert.notEqual(new SharedSlots(handle, 1).acquire("a"), SCRATCH_SLOT);
  });

  it("leave a lock alone that somebody else holds", () => {
    const handle = createSharedSlots(layout);
    const directory = new Int32Array(handle.directory);
    directory[0] = 2;
    reclaimSharedSlots(handle, 0);
    assert.equal(directory[0], 2);
  });
});

describe("HostSlot", () => {
  it("sums what data planes count apart, and shares health", () => {
    const handle = createHostSlots(2);
    const first = new HostSlots(handle, 0).acquire("h");
    const second = new HostSlots(handle, 1).acquire("h");
    first.requestStarted();
    second.requestStarted();
    second.requestStarted();
    second.requestEnded();
    assert.equal(first.activeRequests, 2);
    assert.equal(first.totals().rqTotal, 3);
    second.setFlag(HealthFlag.FailedOutlierCheck);
    assert.equal(first.flags(), HealthFlag.FailedOutlierCheck);
    first.clearFlag(HealthFlag.FailedOutlierCheck);
    assert.equal(second.flags(), 0);
  });

  it("writes nowhere after it was released", () => {
    const slots = new HostSlots(createHostSlots(1), 0);
    const host = slots.acquire("h");
    host.release();
    host.requestStarted();
    host.setFlag(HealthFlag.FailedOutlierCheck);
    const next = slots.acquire("other");
    assert.equal(next.totals().rqTotal, 0);
    assert.equal(next.flags(), 0);
  });
});
