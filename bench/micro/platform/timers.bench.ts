// What a request pays for time: arming and disarming timers, borrowing one, an event of the loop.
import { Dispatcher } from "../../../src/platform/dispatcher.ts";
import { TimerPool } from "../../../src/platform/timer-pool.ts";
import { TimerWheel } from "../../../src/platform/timer-wheel.ts";
import { SeededRandom } from "../../../test/kit/seeded-random.ts";
import { SimulatedTime } from "../../../test/kit/simulated-time.ts";
import { bench } from "../../kit/micro.ts";

const time = new SimulatedTime();
const owner = { onTimer: (): void => undefined };

const wheel = new TimerWheel(time, time.alarm);
const timer = wheel.create(owner, 0);
bench(
  "TimerWheel: arm and disarm",
  (iteration) => {
    timer.arm(15_000 + (iteration & 1023));
    timer.disarm();
  },
  { allocatedBytesMax: 0 },
);
const kept = wheel.create(owner, 1);
bench("TimerWheel: arm again later", (iteration) => kept.arm(60_000 + (iteration & 1023)), {
  allocatedBytesMax: 0,
});

const pool = new TimerPool(wheel);
bench(
  "TimerPool: acquire, arm, release",
  () => {
    const lent = pool.acquire(owner, 0);
    lent.arm(15_000);
    pool.release(lent);
  },
  { allocatedBytesMax: 0 },
);

const dispatcher = new Dispatcher({
  time,
  alarm: time.alarm,
  random: new SeededRandom(1),
  defer: (run) => run(),
  onBug: (error) => {
    throw error;
  },
});
const item = { flush: (): void => undefined };
bench(
  "Dispatcher: an event that flushes one connection",
  () => {
    dispatcher.begin();
    dispatcher.deferFlush(item);
    dispatcher.end();
  },
  // The emptied list gives its storage back, and takes new one for the next event.
  { allocatedBytesMax: 152 },
);
