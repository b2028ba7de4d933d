import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemAlarm, systemTime } from "../../../src/platform/node/time.ts";

const alarmRings = (delayMs: number): Promise<number> => {
  const began = systemTime.monotonicMs();
  return new Promise((resolve) => {
    // An alarm does not keep the process alive; this does until it rings.
    const alive = setInterval(() => undefined, 1000);
    const alarm = systemAlarm(() => {
      clearInterval(alive);
      resolve(systemTime.monotonicMs() - began);
    });
    alarm.set(delayMs);
  });
};

describe("system time", () => {
  it("rings never early", async () => {
    for (const delayMs of [0, 1, 3.7]) {
      const elapsed = await alarmRings(delayMs);
      assert.ok(elapsed >= delayMs, `${elapsed} < ${delayMs}`);
    }
  });

  it("rings once for the last setting, and not after it was cleared", async () => {
    let rings = 0;
    const alarm = systemAlarm(() => {
      rings += 1;
    });
    alarm.set(0);
    alarm.set(0);
    await alarmRings(5);
    assert.equal(rings, 1);
    alarm.set(0);
    alarm.clear();
    await alarmRings(5);
    assert.equal(rings, 1);
  });

  it("takes delays longer than the system's timers do", () => {
    const alarm = systemAlarm(() => assert.fail("rang"));
    alarm.set(2 ** 40);
    alarm.clear();
  });

  it("tells wall time in milliseconds since 1970", () => {
    assert.ok(systemTime.wallMs() > Date.UTC(2024, 0, 1));
  });
});
