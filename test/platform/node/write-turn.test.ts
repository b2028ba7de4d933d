import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createWriteTurn,
  reclaimWriteTurn,
  WriteTurn,
} from "../../../src/platform/node/write-turn.ts";

describe("the turn to write", () => {
  it("is taken at once when nobody has it", () => {
    const turn = new WriteTurn(createWriteTurn(), 0);
    let taken = 0;
    turn.take(() => taken++);
    assert.equal(taken, 1);
    turn.give();
    turn.take(() => taken++);
    assert.equal(taken, 2);
  });

  it("comes when the one before has given it", async () => {
    const memory = createWriteTurn();
    const [first, second] = [new WriteTurn(memory, 0), new WriteTurn(memory, 1)];
    const order: string[] = [];
    first.take(() => order.push("first"));
    const waited = new Promise<void>((resolve) => {
      second.take(() => {
        order.push("second");
        resolve();
      });
    });
    assert.deepEqual(order, ["first"]);
    second.give();
    order.push("given");
    first.give();
    // Its timer keeps nothing alive.
    const alive = setInterval(() => undefined, 1000);
    await waited;
    clearInterval(alive);
    assert.deepEqual(order, ["first", "given", "second"]);
  });

  it("is taken from a thread that died, and from no other", () => {
    const memory = createWriteTurn();
    const [dead, next] = [new WriteTurn(memory, 2), new WriteTurn(memory, 0)];
    dead.take(() => undefined);
    reclaimWriteTurn(memory, 1);
    let taken = false;
    reclaimWriteTurn(memory, 2);
    next.take(() => {
      taken = true;
    });
    assert.equal(taken, true);
  });
});
