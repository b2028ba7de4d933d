// What counting costs: one store per event, and a histogram record.
import { ClusterResponseCodeStats } from "../../../src/stats/groups/response-code-stats.ts";
import { StatSlab } from "../../../src/stats/slab.ts";
import { StatsStore } from "../../../src/stats/stats-store.ts";
import { bench } from "../../kit/micro.ts";

const store = new StatsStore(new StatSlab());
const scope = store.root.scope("cluster.bench");
const counters = Array.from({ length: 32 }, (_, i) => scope.counter(`c${i}`));
const gauge = scope.gauge("active");
const histogram = scope.histogram("time", "milliseconds");
const codes = new ClusterResponseCodeStats(scope);

bench(
  "Counter.inc, 32 counters",
  () => {
    for (const counter of counters) counter.inc();
    return counters[0];
  },
  { allocatedBytesMax: 0, operationsPerCall: 32 },
);
bench("Counter.add", (i) => counters[i & 31]?.add(i & 1023), { allocatedBytesMax: 0 });
bench(
  "Gauge.inc and dec",
  () => {
    gauge.inc();
    gauge.dec();
  },
  { allocatedBytesMax: 0, operationsPerCall: 2 },
);
bench("Histogram.record, below 100", (i) => histogram.record(i % 100), { allocatedBytesMax: 0 });
bench("Histogram.record, to 10 000", (i) => histogram.record(i % 10_000), { allocatedBytesMax: 0 });
bench("ResponseCodeStats.count, one code", () => codes.count(200, 0), { allocatedBytesMax: 0 });
bench("ResponseCodeStats.count, three codes", (i) => codes.count(200 + (i % 3), 0), {
  allocatedBytesMax: 0,
});
