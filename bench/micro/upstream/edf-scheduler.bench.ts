// A weighted pick over a thousand entries.
import { EdfScheduler } from "../../../src/upstream/edf-scheduler.ts";
import { bench } from "../../kit/micro.ts";

const scheduler = new EdfScheduler<{ weight: number }>({ weight: (item) => item.weight });
for (let index = 0; index < 1000; index++) scheduler.add({ weight: 1 + (index % 7) });
bench("EdfScheduler.pick, 1000 entries", () => scheduler.pick(), { allocatedBytesMax: 0 });
