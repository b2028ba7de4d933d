import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimulatedTime } from "../kit/simulated-time.ts";

describe("Dispatcher", () => {
  it("reads the clock once per event", () => {
    const time = new SimulatedTime(1000);
    const dispatcher = time.dispatcher();
    time.run(5);
    dispatcher.runEvent(() => {
      time.run(50);
      assert.equal(dispatcher.monotonicMs(), 1005);
      dispatcher.runEvent(() => assert.equal(dispatcher.nowMs, 1005));
    });
    assert.equal(dispatcher.monotonicMs(), 1055);
    assert.equal(dispatcher.wallMs(), Date.UTC(2024, 0, 1) + 55);
  });

  it("flushes at the end of the outermost event, what was deferred meanwhile too", () => {
    const dispatcher = new SimulatedTime().dispatcher();
    const order: string[] = [];
    dispatcher.runEvent(() => {
      dispatcher.deferFlush({
        flush: () => {
          order.push("first");
          dispatcher.deferFlush({ flush: () => order.push("second") });
        },
      });
      dispatcher.runEvent(() => order.push("inner"));
      order.push("outer");
    });
    assert.deepEqual(order, ["inner", "outer", "first", "second"]);
  });

  it("flushes soon when nothing runs", () => {
    const time = new SimulatedTime();
    const dispatcher = time.dispatcher();
    let flushed = 0;
    dispatcher.deferFlush({ flush: () => flushed++ });
    dispatcher.deferFlush({ flush: () => flushed++ });
    assert.equal(flushed, 0);
    time.run(0);
    assert.equal(flushed, 2);
  });

  it("reports a throw and goes on with the rest", () => {
    const time = new SimulatedTime();
    const dispatcher = time.dispatcher();
    let flushed = false;
    dispatcher.runEvent(() => {
      dispatcher.deferFlush({
        flush: () => {
          throw new Error("in a flush");
        },
      });
      dispatcher.deferFlush({
        flush: () => {
          flushed = true;
        },
      });
      throw new Error("in the event");
    });
    assert.equal(flushed, true);
    assert.deepEqual(time.bugs.map(String), ["Error: in the event", "Error: in a flush"]);
  });

  it("runs timers as events and counts the armed ones", () => {
    const time = new SimulatedTime();
    const dispatcher = time.dispatcher();
    let flushed = false;
    dispatcher.after(10, () => {
      dispatcher.deferFlush({
        flush: () => {
          flushed = true;
        },
      });
    });
    assert.equal(dispatcher.armedTimers, 1);
    time.run(20);
    assert.deepEqual([flushed, dispatcher.armedTimers], [true, 0]);
  });
});
