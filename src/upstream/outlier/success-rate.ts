/**
 * The statistics of outlier detection: which hosts of an interval are worse than the others. Pure.
 * Envoy: `DetectorImpl::processSuccessRateEjections`, `successRateEjectionThreshold`
 * (source/common/upstream/outlier_detection_impl.cc).
 */

/** What one host did in one interval. */
export interface HostSample<Key> {
  readonly host: Key;
  readonly successes: number;
  readonly total: number;
}

/** Percent; a sample without requests has none. */
export function successRate({ successes, total }: HostSample<unknown>): number {
  return (successes * 100) / total;
}

/** All in percent. */
export interface SuccessRateThreshold {
  readonly average: number;
  /** Hosts below it are outliers. May be negative: then nobody is. */
  readonly threshold: number;
}

/**
 * Mean less `stdevFactor` / 1000 population standard deviations. Null when fewer than
 * `minimumHosts` have a rate.
 */
export function successRateThreshold(
  rates: readonly number[],
  minimumHosts: number,
  stdevFactor: number,
): SuccessRateThreshold | null {
  if (rates.length === 0 || rates.length < minimumHosts) return null;
  let sum = 0;
  for (const rate of rates) sum += rate;
  const average = sum / rates.length;
  let squares = 0;
  for (const rate of rates) squares += (rate - average) ** 2;
  const deviation = Math.sqrt(squares / rates.length);
  return { average, threshold: average - (stdevFactor / 1000) * deviation };
}
