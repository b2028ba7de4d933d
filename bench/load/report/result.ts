// The result of a run as data: every sample, and what a reader must know about the machine.

/** Metrics by name; a name ends in its unit. */
export type Metrics = Readonly<Record<string, number>>;

export interface Sample {
  readonly scenario: string;
  readonly case: string;
  readonly target: string;
  readonly round: number;
  readonly engine: string;
  readonly metrics: Metrics;
  readonly histogram?: string;
}

export interface TargetNote {
  readonly name: string;
  readonly version: string;
  readonly flags: string;
  readonly missing: string | null;
}

export interface BenchResult {
  readonly startedAt: string;
  readonly seconds: number;
  readonly commandLine: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly targets: readonly TargetNote[];
  readonly notes: readonly string[];
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
}

/** One line of the acceptance list. */
export interface Verdict {
  readonly text: string;
  /** The measured value and what it was compared with, in words. */
  readonly measured: string;
  readonly bar: string;
  /** Null when it could not be measured here. */
  readonly pass: boolean | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Median, range and count of the finite values; null when there is none. */
export function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const count = sorted.length;
  if (count === 0) return null;
  const middle = count >> 1;
  const upper = sorted[middle] as number;
  const median = count % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
  return { median, min: sorted[0] as number, max: sorted[count - 1] as number, count };
}

const TWIN_MARK = " (A/A)";

/** The name of the second copy of a target that an A/A comparison runs. */
export function twinName(target: string): string {
  return `${target}${TWIN_MARK}`;
}

/** Every spread of one metric: samples of one scenario, case and target. */
export function spreadFor(
  samples: readonly Sample[],
  key: { readonly scenario: string; readonly case: string; readonly target: string },
  metric: string,
): Spread | null {
  const values = samples
    .filter((s) => s.scenario === key.scenario && s.case === key.case && s.target === key.target)
    .map((s) => s.metrics[metric] ?? Number.NaN);
  return spreadOf(values);
}

/**
 * How far two runs of the same thing lie apart, as a fraction: the twin against its original, or,
 * where no target has a twin, the even against the odd rounds of each. Less than this is noise.
 */
export function noiseOf(samples: readonly Sample[], metric: string): number | null {
  const gaps: number[] = [];
  const someTwin = samples.some((sample) => sample.target.endsWith(TWIN_MARK));
  for (const [scenario, name, target] of distinctKeys(samples)) {
    const of = (which: string): readonly Sample[] =>
      samples.filter((s) => s.scenario === scenario && s.case === name && s.target === which);
    const own = of(target);
    const [a, b] = someTwin
      ? [own, of(twinName(target))]
      : [own.filter((s) => s.round % 2 === 0), own.filter((s) => s.round % 2 === 1)];
    const first = spreadOf(a.map((s) => s.metrics[metric] ?? Number.NaN));
    const second = spreadOf(b.map((s) => s.metrics[metric] ?? Number.NaN));
    if (first !== null && second !== null && first.median > 0) {
      gaps.push(Math.abs(second.median - first.median) / first.median);
    }
  }
  return gaps.length === 0 ? null : Math.max(...gaps);
}

function distinctKeys(samples: readonly Sample[]): readonly (readonly [string, string, string])[] {
  const keys = new Map<string, readonly [string, string, string]>();
  for (const s of samples) {
    if (!s.target.endsWith(TWIN_MARK)) {
      keys.set(JSON.stringify([s.scenario, s.case, s.target]), [s.scenario, s.case, s.target]);
    }
  }
  return [...keys.values()];
}
