/**
 * Bucket bounds of histograms as they are shown: Envoy's default list, or what
 * `stats_config.histogram_bucket_settings` says for a name. And the quantiles that are always
 * shown.
 */

/** Envoy: HistogramSettingsImpl::defaultBuckets(). */
export const DEFAULT_HISTOGRAM_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000,
  1800000, 3600000,
];

/** Envoy: HistogramStatisticsImpl::supportedQuantiles(). */
export const HISTOGRAM_QUANTILES: readonly number[] = [
  0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1,
];
/** The same as percentages, without the rounding errors of a multiplication. */
export const HISTOGRAM_PERCENTILES: readonly number[] = [
  0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100,
];

/** One entry of `histogram_bucket_settings`; `matches` sees the full stat name. */
export interface HistogramBucketSetting {
  matches(name: string): boolean;
  /** Ascending, each > 0. */
  readonly bounds: readonly number[];
}

export class HistogramBuckets {
  readonly #settings: readonly HistogramBucketSetting[];

  constructor(settings: readonly HistogramBucketSetting[] = []) {
    this.#settings = settings;
  }

  /** The bounds of the first setting that matches. */
  boundsFor(name: string): readonly number[] {
    const setting = this.#settings.find((candidate) => candidate.matches(name));
    return setting?.bounds ?? DEFAULT_HISTOGRAM_BOUNDS;
  }
}
