// Compares medians with bars: an absolute limit, or a ratio to another target. Pure.
import { noiseOf, type Sample, spreadFor, type Verdict } from "../report/result.ts";

export interface Bar {
  readonly text: string;
  readonly case: string;
  readonly metric: string;
  /** The other target of a ratio (ours ÷ theirs); absent for an absolute value. */
  readonly versus?: string;
  /** Only shown: the other target's value beside an absolute one. */
  readonly beside?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One verdict per bar; a bar that could not be measured gets null and says why. */
export function judgeBars(
  samples: readonly Sample[],
  scenario: string,
  target: string,
  bars: readonly Bar[],
): readonly Verdict[] {
  return bars.map((bar) => judgeBar(samples, scenario, target, bar));
}

function judgeBar(samples: readonly Sample[], scenario: string, target: string, bar: Bar): Verdict {
  const median = (name: string): number | null =>
    spreadFor(samples, { scenario, case: bar.case, target: name }, bar.metric)?.median ?? null;
  const text = target === "outrigger" ? bar.text : `${target}: ${bar.text}`;
  const own = median(target);
  const other = bar.versus === undefined ? null : median(bar.versus);
  const limitText = describeLimit(bar);
  if (own === null || (bar.versus !== undefined && other === null)) {
    const who = own === null ? target : bar.versus;
    return { text, measured: `${who} was not measured`, bar: limitText, pass: null };
  }
  const value = other === null ? own : own / other;
  const pass = value <= (bar.atMost ?? Number.POSITIVE_INFINITY) && value >= (bar.atLeast ?? 0);
  const besideValue = bar.beside === undefined ? null : median(bar.beside);
  const beside = besideValue === null ? "" : ` (${bar.beside} ${besideValue.toFixed(1)})`;
  const ofCase = samples.filter((s) => s.scenario === scenario && s.case === bar.case);
  const noise = other === null ? null : noiseOf(ofCase, bar.metric);
  const limit = bar.atMost ?? bar.atLeast ?? 0;
  const close = noise !== null && Math.abs(value - limit) / limit < noise ? ", within noise" : "";
  const measured =
    other === null
      ? `${own.toFixed(1)}${beside}`
      : `${value.toFixed(2)}× (${own.toFixed(2)} / ${other.toFixed(2)}${close})`;
  return { text, measured, bar: limitText, pass };
}

function describeLimit(bar: Bar): string {
  const sign = bar.atMost !== undefined ? "≤" : "≥";
  const limit = bar.atMost ?? bar.atLeast ?? 0;
  if (bar.versus === undefined) return `${bar.atMost === bar.atLeast ? "=" : sign} ${limit}`;
  // A limit below one reads better turned round: "at least 1.5× better".
  if (bar.atMost !== undefined && limit < 1)
    return `≥ ${(1 / limit).toFixed(1)}× better than ${bar.versus}`;
  return `${sign} ${limit.toFixed(1)}× ${bar.versus}`;
}
