// Cases for what is chosen at random: the same request many thousand times through both proxies,
// the answers counted by who gave them, and a chi-square test of whether both draw from one
// distribution.
import type { Difference } from "./outcome.ts";

/** Answers by kind: the body of a 200 (an upstream says its name), else the status code. */
export type Counts = ReadonlyMap<string, number>;

/** One distribution to compare. */
export interface DistributionCase {
  /** A fact in plain words. */
  readonly name: string;
  /** Name of the port to connect to. */
  readonly on: string;
  /** Bytes of one request without body; default GET /. */
  readonly request?: string;
  /** Default 20 000. */
  readonly requests?: number;
  /** Requests under way at a time; default 4. Take 1 where the choice looks at active requests. */
  readonly connections?: number;
  /** What each kind's share must be on both sides, in any unit; kinds not named must not come. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Where Envoy does something other than the reference text says. */
  readonly note?: string;
}

/** Below this a difference is no chance: one false alarm in a million comparisons. */
const SMALLEST_P = 1e-6;
/** Kinds with fewer answers (both sides together) are compared as one. */
const RARE = 10;

/** What differs between the counts of both sides, or from the wanted shares. */
export function judgeCounts(
  testCase: DistributionCase,
  judge: Counts,
  subject: Counts,
): { readonly differences: readonly Difference[]; readonly problems: readonly string[] } {
  const p = sameDistribution(judge, subject);
  const differences =
    p > SMALLEST_P
      ? []
      : [{ key: "distribution", judge: printCounts(judge), subject: printCounts(subject) }];
  const { shares } = testCase;
  if (shares === undefined) return { differences, problems: [] };
  const sides = [
    ["judge", judge],
    ["subject", subject],
  ] as const;
  const problems = sides.flatMap(([who, counts]) => {
    const fits = hasShares(counts, shares);
    return fits > SMALLEST_P ? [] : [`${who}: ${printCounts(counts)} has not the wanted shares`];
  });
  return { differences, problems };
}

export function printCounts(counts: Counts): string {
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([kind, count]) => `${kind} ${count}`).join(", ");
}

/** Probability that two samples of one distribution differ at least so much. */
export function sameDistribution(left: Counts, right: Counts): number {
  const kinds = pooled(left, right);
  const leftTotal = sum(kinds.map(([a]) => a));
  const rightTotal = sum(kinds.map(([, b]) => b));
  if (leftTotal === 0 || rightTotal === 0) return leftTotal === rightTotal ? 1 : 0;
  const ratio = Math.sqrt(rightTotal / leftTotal);
  const statistic = sum(kinds.map(([a, b]) => (a * ratio - b / ratio) ** 2 / (a + b)));
  return chiSquareTail(statistic, kinds.length - 1);
}

/** Probability that a sample with these shares differs from them at least so much. */
export function hasShares(counts: Counts, shares: Readonly<Record<string, number>>): number {
  const wanted = Object.entries(shares).filter(([, share]) => share > 0);
  const known = new Set(wanted.map(([kind]) => kind));
  if ([...counts].some(([kind, count]) => count > 0 && !known.has(kind))) return 0;
  const total = sum([...counts.values()]);
  const unit = sum(wanted.map(([, share]) => share));
  const statistic = sum(
    wanted.map(([kind, share]) => {
      const expected = (total * share) / unit;
      return ((counts.get(kind) ?? 0) - expected) ** 2 / expected;
    }),
  );
  return chiSquareTail(statistic, wanted.length - 1);
}

/** Pairs of counts by kind; all rare kinds together are one. */
function pooled(left: Counts, right: Counts): readonly (readonly [number, number])[] {
  const pairs = [...new Set([...left.keys(), ...right.keys()])].map(
    (kind) => [left.get(kind) ?? 0, right.get(kind) ?? 0] as const,
  );
  const rare = pairs.filter(([a, b]) => a + b < RARE);
  const common = pairs.filter(([a, b]) => a + b >= RARE);
  const rest = [sum(rare.map(([a]) => a)), sum(rare.map(([, b]) => b))] as const;
  return rest[0] + rest[1] > 0 ? [...common, rest] : common;
}

/** P(chi-square with `degrees` degrees of freedom >= statistic). */
export function chiSquareTail(statistic: number, degrees: number): number {
  if (degrees <= 0 || statistic <= 0) return 1;
  return upperGamma(degrees / 2, statistic / 2);
}

/** Regularised upper incomplete gamma function Q(a, x): DLMF 8.11.4 below a + 1, 8.9.2 above. */
function upperGamma(a: number, x: number): number {
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let series = term;
    for (let n = 1; term > series * 1e-15; n++) {
      term *= x / (a + n);
      series += term;
    }
    return 1 - scale * series;
  }
  // The continued fraction from its far end.
  let fraction = 0;
  for (let n = 2_000; n > 0; n--) fraction = (n * (n - a)) / (x + 2 * n + 1 - a - fraction);
  return scale / (x + 1 - a - fraction);
}

/** log Γ(a) by Stirling's series, shifted up to where it is exact. */
function logGamma(a: number): number {
  let shifted = a;
  let product = 1;
  while (shifted < 12) product *= shifted++;
  const inverse = 1 / (shifted * shifted);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260))) / shifted;
  const stirling = (shifted - 0.5) * Math.log(shifted) - shifted + Math.log(2 * Math.PI) / 2;
  return stirling + series - Math.log(product);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
