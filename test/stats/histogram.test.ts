import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Histogram, PERCENT_SCALE } from "../../src/stats/histogram.ts";
import {
  addHistogramBins,
  binLowerBound,
  binWidth,
  createHistogramSnapshot,
  HISTOGRAM_BINS,
  HistogramSnapshot,
} from "../../src/stats/histogram-snapshot.ts";
import { type HistogramUnit, offsetOf, StatSlab } from "../../src/stats/slab.ts";

function createHistogram(unit: HistogramUnit = "unspecified"): {
  histogram: Histogram;
  slab: StatSlab;
  cell: number;
  snapshot: () => HistogramSnapshot;
} {
  const slab = new StatSlab();
  const { cell } = slab.add("h", "histogram", unit, "sum");
  const snapshot = (): HistogramSnapshot => {
    const totals = new Float64Array(HISTOGRAM_BINS);
    addHistogramBins(slab, cell, totals);
    return createHistogramSnapshot(totals, unit);
  };
  return { histogram: new Histogram(slab, { cell }), slab, cell, snapshot };
}

/** `lower+width:count` per bin with samples. */
function binsOf(snapshot: HistogramSnapshot): string[] {
  return snapshot.bins.map(
    (bin, i) =>
      `${Number(binLowerBound(bin).toPrecision(12))}+${binWidth(bin)}:${snapshot.counts[i]}`,
  );
}

describe("Histogram", () => {
  it("puts values into the bins of circllhist", () => {
    const cases: [number, string][] = [
      [0, "0+0:1"],
      [1, "1+0.1:1"],
      [9, "9+0.1:1"],
      [10, "10+1:1"],
      [99, "99+1:1"],
      [100, "100+10:1"],
      [109, "100+10:1"],
      [110, "110+10:1"],
      [999, "990+10:1"],
      [1000, "1000+100:1"],
      [1234, "1200+100:1"],
      [9999999999, "9900000000+100000000:1"],
      [1e13, "9900000000000+100000000000:1"],
      [1e300, "9900000000000+100000000000:1"],
      [Number.POSITIVE_INFINITY, "9900000000000+100000000000:1"],
      [-5, "0+0:1"],
      [3.9, "3+0.1:1"],
      [100.5, "100+10:1"],
    ];
    for (const [value, bin] of cases) {
      const { histogram, snapshot } = createHistogram();
      histogram.record(value);
      assert.deepEqual(binsOf(snapshot()), [bin], `value ${value}`);
    }
  });

  it("ignores NaN", () => {
    const { histogram, snapshot } = createHistogram();
    histogram.record(Number.NaN);
    assert.equal(histogram.count(), 0);
    assert.deepEqual(binsOf(snapshot()), []);
  });

  it("counts and sums exactly", () => {
    const { histogram } = createHistogram();
    for (const value of [1, 10, 105, 1234]) histogram.record(value);
    assert.equal(histogram.count(), 4);
    assert.equal(histogram.sum(), 1350);
  });

  it("takes no memory for bins before the first record, and little for one decade", () => {
    const slab = new StatSlab();
    const start = slab.allocate(1);
    const histogram = new Histogram(slab, slab.add("h", "histogram", "unspecified", "sum"));
    assert.equal(slab.allocate(1) - start, 4);
    histogram.record(5);
    histogram.record(50);
    assert.equal(slab.allocate(1) - start, 4 + 1 + 24 + 50);
  });

  it("shares bins between two handles of one cell", () => {
    const { histogram, slab, cell, snapshot } = createHistogram();
    const other = new Histogram(slab, { cell });
    histogram.record(500);
    other.record(500);
    other.record(7);
    histogram.record(7);
    assert.deepEqual(binsOf(snapshot()), ["7+0.1:2", "500+10:2"]);
  });

  it("keeps counting when a bin passes 32 bits", () => {
    const { histogram, slab, cell, snapshot } = createHistogram();
    histogram.record(5);
    const table = slab.page(cell).cells[offsetOf(cell) + 2] as number;
    const block = slab.page(table).cells[offsetOf(table)] as number;
    slab.page(block).words[offsetOf(block) * 2 + 5] = 2 ** 32 - 2;
    for (let i = 0; i < 4; i++) histogram.record(5);
    assert.deepEqual(binsOf(snapshot()), [`5+0.1:${2 ** 32 + 2}`]);
  });
});

describe("HistogramSnapshot", () => {
  const empty = new HistogramSnapshot([], [], "unspecified");

  /** 1, 10, 100, 105, 1234: what Envoy 1.37 shows for these is written down below. */
  function recorded(): HistogramSnapshot {
    const { histogram, snapshot } = createHistogram();
    for (const value of [1, 10, 100, 105, 1234]) histogram.record(value);
    return snapshot();
  }

  it("interpolates quantiles within bins as Envoy does", () => {
    assert.deepEqual(
      recorded().quantiles([0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1]),
      [1, 10.25, 102.5, 108.75, 1250, 1275, 1295, 1297.5, 1299.5, 1300],
    );
  });

  it("gives NaN for the quantiles of nothing", () => {
    assert.deepEqual(empty.quantiles([0, 0.5, 1]), [Number.NaN, Number.NaN, Number.NaN]);
  });

  it("counts a bin below a bound only when the whole bin is below", () => {
    const bounds = [1, 1.05, 1.1, 2, 10, 10.5, 11, 105, 110, 1234, 10000];
    assert.deepEqual(recorded().countsBelow(bounds), [0, 0, 1, 1, 1, 1, 2, 2, 4, 4, 5]);
  });

  it("sums by bin midpoints", () => {
    assert.ok(Math.abs(recorded().approximateSum() - 1471.55) < 1e-9);
    assert.equal(empty.approximateSum(), 0);
  });

  it("gives what was recorded since an earlier snapshot", () => {
    const { histogram, snapshot } = createHistogram();
    histogram.record(5);
    histogram.record(50);
    const earlier = snapshot();
    histogram.record(50);
    histogram.record(500);
    assert.deepEqual(binsOf(snapshot().since(earlier)), ["50+1:1", "500+10:1"]);
  });

  it("divides percent values by their scale", () => {
    const { histogram, snapshot } = createHistogram("percent");
    histogram.record(0.5 * PERCENT_SCALE);
    assert.deepEqual(snapshot().quantiles([0, 1]), [0.5, 0.51]);
    assert.deepEqual(snapshot().countsBelow([0.5, 0.51, 1]), [0, 1, 1]);
    assert.equal(snapshot().approximateSum(), 0.505);
  });
});
