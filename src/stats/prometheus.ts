/**
 * `/stats/prometheus`: stats grouped into families by tag extraction, exposed through prom-client's
 * registry. One collecting metric per family reads the slabs when its turn comes, so a page of
 * 10,000 series is made in slices. Names, labels, buckets: Envoy's PrometheusStatsFormatter.
 * Differs from Envoy: HELP lines, and no `{}` behind a name without labels.
 */
import type Registry from "prom-client/lib/registry.js";
import type { CollectedMetric, Sample } from "prom-client/lib/registry.js";
import { HISTOGRAM_QUANTILES, type HistogramBuckets } from "./histogram-buckets.ts";
import type { MergedStat } from "./merged-stat.ts";
import type { StatKind } from "./slab.ts";
import { isWanted, type StatsQuery } from "./stats-query.ts";
import type { StatsReader } from "./stats-reader.ts";
import type { Tag, TagProducer } from "./tags.ts";

type Labels = Readonly<Record<string, string>>;

/** A stat with its place in the exposition; kept as long as the stat lives. */
interface Series {
  readonly stat: MergedStat;
  readonly family: string;
  readonly labels: Labels;
}

interface Family {
  readonly name: string;
  readonly kind: StatKind;
  readonly series: Series[];
}

/** Envoy writes the kinds one after the other. */
const KINDS: readonly StatKind[] = ["counter", "gauge", "textReadout", "histogram"];
const NAMES_PER_SLICE = 512;
const PIECE_LENGTH = 16_384;

export class PrometheusRenderer {
  readonly #reader: StatsReader;
  readonly #tags: TagProducer;
  readonly #buckets: HistogramBuckets;
  readonly #series = new WeakMap<MergedStat, Series>();
  #families: readonly Family[] = [];
  #familiesVersion = -1;

  constructor(reader: StatsReader, tags: TagProducer, buckets: HistogramBuckets) {
    this.#reader = reader;
    this.#tags = tags;
    this.#buckets = buckets;
  }

  /**
   * The page in pieces. Pieces may be empty: they are points at which the caller can let others
   * run.
   */
  async *render(query: StatsQuery): AsyncGenerator<string> {
    const { default: PromRegistry } = await import("prom-client/lib/registry.js");
    yield* this.#group();
    let piece = "";
    for (const family of this.#families) {
      if (family.kind === "textReadout" && !query.textReadouts) continue;
      piece += await this.#exposition(new PromRegistry(), family, query);
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = "";
    }
    yield piece;
  }

  /** Taking names apart is the slow part of a first look; later looks only see new names. */
  *#group(): Generator<string> {
    const stats = this.#reader.stats();
    const version = this.#reader.version;
    if (version === this.#familiesVersion) return;
    const families = new Map<string, Family>();
    for (const [i, stat] of stats.entries()) {
      const series = this.#seriesOf(stat);
      const key = `${stat.entry.kind[0]}${series.family}`;
      const family = families.get(key);
      if (family !== undefined) family.series.push(series);
      else families.set(key, { name: series.family, kind: stat.entry.kind, series: [series] });
      if (i % NAMES_PER_SLICE === NAMES_PER_SLICE - 1) yield "";
    }
    this.#families = [...families.values()].sort(compareFamilies);
    this.#familiesVersion = version;
  }

  #seriesOf(stat: MergedStat): Series {
    const existing = this.#series.get(stat);
    if (existing !== undefined) return existing;
    const { family, tags } = this.#tags.produce(stat.name);
    const series = { stat, family: prometheusName(family), labels: labelsOf(tags) };
    this.#series.set(stat, series);
    return series;
  }

  async #exposition(registry: Registry, family: Family, query: StatsQuery): Promise<string> {
    const wanted = family.series.filter((series) => isWanted(query, series.stat));
    if (wanted.length === 0) return "";
    const { name } = family;
    registry.registerMetric({ name, get: () => this.#collect(family, wanted, query) });
    return `${await registry.getSingleMetricAsString(name)}\n`;
  }

  #collect(family: Family, wanted: readonly Series[], query: StatsQuery): CollectedMetric {
    const { name, kind } = family;
    const help = `Envoy stat ${name.slice(FAMILY_PREFIX.length)}`;
    if (kind === "counter" || kind === "gauge") {
      const values = wanted.map(({ stat, labels }) => sample(stat.value(), labels));
      return { name, help, type: kind, values };
    }
    if (kind === "textReadout") {
      const values = wanted.map(({ stat, labels }) => textSample(stat, labels));
      return { name, help, type: "gauge", values };
    }
    if (query.histogramBuckets === "summary") {
      const values = wanted.flatMap((series) => summarySamples(name, series));
      return { name, help, type: "summary", values };
    }
    const values = wanted.flatMap((series) => this.#bucketSamples(name, series));
    return { name, help, type: "histogram", values };
  }

  #bucketSamples(name: string, { stat, labels }: Series): Sample[] {
    const snapshot = stat.snapshot();
    const bounds = this.#buckets.boundsFor(stat.name);
    const counts = snapshot.countsBelow(bounds);
    const metricName = `${name}_bucket`;
    const samples: Sample[] = bounds.map((bound, i) => ({
      metricName,
      labels: { ...labels, le: bound },
      value: counts[i] as number,
    }));
    samples.push({ metricName, labels: { ...labels, le: "+Inf" }, value: snapshot.sampleCount });
    samples.push(sample(snapshot.approximateSum(), labels, `${name}_sum`));
    samples.push(sample(snapshot.sampleCount, labels, `${name}_count`));
    return samples;
  }
}

/** As in Envoy, a summary is about the last complete interval. */
function summarySamples(name: string, { stat, labels }: Series): Sample[] {
  const snapshot = stat.intervalSnapshot();
  const values = snapshot.quantiles(HISTOGRAM_QUANTILES);
  const samples: Sample[] = HISTOGRAM_QUANTILES.map((quantile, i) => ({
    labels: { ...labels, quantile },
    value: values[i] as number,
  }));
  samples.push(sample(snapshot.approximateSum(), labels, `${name}_sum`));
  samples.push(sample(snapshot.sampleCount, labels, `${name}_count`));
  return samples;
}

function sample(value: number, labels: Labels, metricName?: string): Sample {
  return metricName === undefined
    ? { value, sharedLabels: labels }
    : { value, sharedLabels: labels, metricName };
}

function textSample(stat: MergedStat, labels: Labels): Sample {
  return { value: 0, labels: { ...labels, text_value: stat.text() } };
}

const FAMILY_PREFIX = "envoy_";

function prometheusName(family: string): string {
  return FAMILY_PREFIX + family.replace(/[^a-zA-Z0-9_]/g, "_");
}

function labelsOf(tags: readonly Tag[]): Labels {
  const labels: Record<string, string> = {};
  for (const tag of tags) labels[tag.name.replace(/[^a-zA-Z0-9_]/g, "_")] = tag.value;
  return labels;
}

function compareFamilies(a: Family, b: Family): number {
  const kinds = KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  return kinds !== 0 ? kinds : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
