/**
 * `/stats/prometheus`: stats grouped into families by tag extraction, exposed through prom-client's
 * registry. One collecting metric per family reads the slabs when its turn comes, so a page of
 * 10,000 series is made in slices. Names, labels, buckets: Envoy's PrometheusStatsFormatter.
 * Differs from Envoy: HELP lines, and no `{}` behind a name without labels.
 */
import type Registry from "prom-client/lib/registry.js";
import type { CollectedMetric, Sample } from "prom-client/lib/registry.js";
import {
  DEFAULT_HISTOGRAM_BOUNDS,
  HISTOGRAM_QUANTILES,
  type HistogramBuckets,
} from "./histogram-buckets.ts";
import type { MergedStat, StatFamily } from "./merged-stat.ts";
import type { StatKind } from "./slab.ts";
import { isWanted, type StatsQuery } from "./stats-query.ts";
import type { StatsReader } from "./stats-reader.ts";
import type { Tag, TagProducer } from "./tags.ts";

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly kind: StatKind;
  readonly stats: MergedStat[];
}

/** Envoy writes the kinds one after the other. */
const KINDS: readonly StatKind[] = ["counter", "gauge", "textReadout", "histogram"];
const NAMES_PER_SLICE = 512;
/** Samples formatted in one go: about a millisecond. */
const SAMPLES_PER_SLICE = 512;
const PIECE_LENGTH = 16_384;

export class PrometheusRenderer {
  readonly #reader: StatsReader;
  readonly #tags: TagProducer;
  readonly #buckets: HistogramBuckets;
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
      for await (const part of this.#exposition(() => new PromRegistry(), family, query)) {
        piece += part;
        if (piece.length < PIECE_LENGTH) continue;
        yield piece;
        piece = "";
      }
    }
    yield piece;
  }

  /** Taking names apart is the slow part of a first look; later looks only see new names. */
  *#group(): Generator<string> {
    const version = this.#reader.version();
    if (version === this.#familiesVersion) return;
    const families: Family[] = [];
    const shared = new SharedText();
    for (const kind of KINDS) {
      const ofKind = new Map<string, Family>();
      const stats = [...this.#reader.ofKind(kind).values()];
      for (const [i, stat] of stats.entries()) {
        stat.family ??= this.#familyOf(stat, shared);
        const { name } = stat.family;
        const family = ofKind.get(name);
        if (family !== undefined) family.stats.push(stat);
        else ofKind.set(name, { name, kind, stats: [stat] });
        if (i % NAMES_PER_SLICE === NAMES_PER_SLICE - 1) yield "";
      }
      families.push(...[...ofKind.values()].sort(compareFamilies));
    }
    this.#families = families;
    this.#familiesVersion = version;
  }

  #familyOf(stat: MergedStat, shared: SharedText): StatFamily {
    const { family, tags } = this.#tags.produce(stat.name);
    return { name: shared.name(prometheusName(family)), labels: shared.labels(tags) };
  }

  /** One family, a few hundred samples at a time. */
  async *#exposition(
    createRegistry: () => Registry,
    family: Family,
    query: StatsQuery,
  ): AsyncGenerator<string> {
    const wanted = family.stats.filter((stat) => isWanted(query, stat));
    const samplesPerStat = family.kind === "histogram" ? DEFAULT_HISTOGRAM_BOUNDS.length + 3 : 1;
    const statsPerSlice = Math.ceil(SAMPLES_PER_SLICE / samplesPerStat);
    const { name } = family;
    for (let at = 0; at < wanted.length; at += statsPerSlice) {
      const some = wanted.slice(at, at + statsPerSlice);
      const registry = createRegistry();
      registry.registerMetric({ name, get: () => this.#collect(family, some, query) });
      const text = await registry.getSingleMetricAsString(name);
      yield `${at === 0 ? text : withoutHeader(text)}\n`;
    }
  }

  #collect(family: Family, wanted: readonly MergedStat[], query: StatsQuery): CollectedMetric {
    const { name, kind } = family;
    const help = `Envoy stat ${name.slice(FAMILY_PREFIX.length)}`;
    if (kind === "counter" || kind === "gauge") {
      const values = wanted.map((stat) => sample(stat.value(), labelsOf(stat)));
      return { name, help, type: kind, values };
    }
    if (kind === "textReadout") {
      const values = wanted.map((stat) => textSample(stat));
      return { name, help, type: "gauge", values };
    }
    if (query.histogramBuckets === "summary") {
      const values = wanted.flatMap((stat) => summarySamples(name, stat));
      return { name, help, type: "summary", values };
    }
    const values = wanted.flatMap((stat) => this.#bucketSamples(name, stat));
    return { name, help, type: "histogram", values };
  }

  #bucketSamples(name: string, stat: MergedStat): Sample[] {
    const labels = labelsOf(stat);
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
function summarySamples(name: string, stat: MergedStat): Sample[] {
  const labels = labelsOf(stat);
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

function textSample(stat: MergedStat): Sample {
  return { value: 0, labels: { ...labelsOf(stat), text_value: stat.text() } };
}

const FAMILY_PREFIX = "envoy_";

function prometheusName(family: string): string {
  return FAMILY_PREFIX + family.replace(/[^a-zA-Z0-9_]/g, "_");
}

function labelsOf(stat: MergedStat): Labels {
  return stat.family?.labels ?? NO_LABELS;
}

const NO_LABELS: Labels = {};

/** prom-client writes HELP and TYPE in front of every call's samples. */
function withoutHeader(text: string): string {
  const afterHelp = text.indexOf("\n") + 1;
  return text.slice(text.indexOf("\n", afterHelp) + 1);
}

/**
 * All stats of a cluster have the same labels, and all clusters the same families: keep each once.
 */
class SharedText {
  readonly #names = new Map<string, string>();
  readonly #labels = new Map<string, Labels>();

  name(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, name);
    return name;
  }

  labels(tags: readonly Tag[]): Labels {
    const key = tags.map((tag) => `${tag.name}\0${tag.value}`).join("\0");
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    const labels: Record<string, string> = {};
    for (const tag of tags) labels[this.name(labelName(tag.name))] = tag.value;
    this.#labels.set(key, labels);
    return labels;
  }
}

function labelName(tag: string): string {
  return tag.replace(/[^a-zA-Z0-9_]/g, "_");
}

function compareFamilies(a: Family, b: Family): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
