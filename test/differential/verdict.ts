// What several plays of one case say. A difference that goes away may be Envoy's own chance or a
// slow machine; it counts as ours only when our side changed in a way that Envoy never shows.
import type { Difference, Outcome } from "./outcome.ts";

/** One play of a case on both sides. */
export interface Play {
  readonly judge: Outcome;
  readonly subject: Outcome;
  readonly unexplained: readonly Difference[];
  /** Facts that do not hold, exceptions, deaths: one line each. */
  readonly problems: readonly string[];
  /** A process that died is a failure, whatever comes after. */
  readonly died: boolean;
}

/** True when nothing is left to explain. */
export function agrees(play: Play): boolean {
  return play.unexplained.length === 0 && play.problems.length === 0;
}

/**
 * Keys on which the subject was different from its own later play while the judge stayed the same:
 * the variation is the subject's. `plays` ends with one that agrees.
 */
export function subjectVaried(plays: readonly Play[]): readonly Difference[] {
  const last = plays[plays.length - 1] as Play;
  return plays
    .slice(0, -1)
    .flatMap((play) => play.unexplained)
    .filter(({ key, judge }) => judge === last.judge.get(key));
}

/** Those of `varied` that `judge` shows in none of its plays. */
export function neverSeen(
  varied: readonly Difference[],
  judge: readonly Outcome[],
): readonly Difference[] {
  return varied.filter(({ key, subject }) => !judge.some((one) => one.get(key) === subject));
}
