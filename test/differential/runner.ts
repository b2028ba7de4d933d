// Plays groups of cases on a judge and a subject side by side and collects what differs. A case
// that differs is played again on fresh processes; verdict.ts says what that means.
import type { ProxyCommand } from "../kit/proxy-process.ts";
import type { DifferentialCase, DifferentialGroup, Facts } from "./case.ts";
import { type AcceptedDifference, explain } from "./differences.ts";
import {
  type Counts,
  type DistributionCase,
  judgeCounts,
  printCounts,
  sameDistribution,
} from "./distribution.ts";
import { compare, type Difference, type Outcome } from "./outcome.ts";
import { Side } from "./side.ts";
import { agrees, neverSeen, type Play, subjectVaried } from "./verdict.ts";

/** Plays of a case whose outcomes differ, in all. */
const MAX_PLAYS = 3;
/** Plays of the judge alone, to see whether it too does what the subject did once. */
const JUDGE_PLAYS = 10;

/** The verdict on one case. */
export interface CaseResult {
  /** `group/case name`. */
  readonly name: string;
  readonly unexplained: readonly Difference[];
  readonly used: readonly AcceptedDifference[];
  /** Facts that do not hold, a proxy that died, an exception: one line each. */
  readonly problems: readonly string[];
  /** Earlier plays of a case whose last play agrees: what differed once. */
  readonly once: readonly Play[];
  /** Of a distribution: what was counted on both sides, and the p-value of their difference. */
  readonly counts: readonly [judge: string, subject: string, p: number] | null;
  readonly note: string | null;
  readonly durationMs: number;
  /** What the judge did; null when it could not be played. */
  readonly judged: Outcome | null;
}

export interface RunOptions {
  readonly judge: ProxyCommand;
  readonly subject: ProxyCommand;
  readonly accepted: readonly AcceptedDifference[];
  /** Case chosen? Gets `group/case name`. */
  readonly chosen: (name: string) => boolean;
  readonly onResult: (result: CaseResult) => void;
}

/** Key of what the harness threw while it played. */
const EXCEPTION = "exception";

interface Listener {
  readonly name: string;
}

/** Both proxies of one group; restarts one that died so that the next case can run. */
export class Pair {
  #group: DifferentialGroup;
  /** Listeners that the subject refused, with its reason. */
  readonly #refused = new Map<string, string>();
  readonly #options: Pick<RunOptions, "judge" | "subject" | "accepted">;
  readonly #played: DifferentialCase[] = [];
  #sides: [Side, Side] | null = null;

  constructor(
    group: DifferentialGroup,
    options: Pick<RunOptions, "judge" | "subject" | "accepted">,
  ) {
    this.#group = group;
    this.#options = options;
  }

  /** Starts both; leaves out listeners that the subject refuses, so that the others still run. */
  async start(): Promise<void> {
    for (;;) {
      const failure = await this.#tryStart();
      if (failure === null) return;
      if (!this.#leaveOutRefused(String(failure))) throw failure;
    }
  }

  async #tryStart(): Promise<unknown> {
    const { judge, subject } = this.#options;
    const started = await Promise.allSettled([
      Side.start(judge, this.#group),
      Side.start(subject, this.#group),
    ]);
    const [left, right] = started;
    if (left.status === "fulfilled" && right.status === "fulfilled") {
      this.#sides = [left.value, right.value];
      return null;
    }
    for (const side of started) if (side.status === "fulfilled") await side.value.stop();
    return left.status === "rejected" ? left.reason : (right as PromiseRejectedResult).reason;
  }

  /** Drops the listeners that an error message names by index; false when it names none. */
  #leaveOutRefused(message: string): boolean {
    const resources = this.#group.bootstrap["static_resources"] as { listeners: Listener[] };
    const reasons = new Map<number, string>();
    for (const line of message.split("\n")) {
      const index = /error: static_resources\.listeners\[(\d+)\]/.exec(line)?.[1];
      if (index !== undefined && !reasons.has(Number(index))) reasons.set(Number(index), line);
    }
    if (reasons.size === 0) return false;
    for (const [index, reason] of reasons) {
      const { name } = resources.listeners[index] as Listener;
      this.#refused.set(name, reason.replace(/^.*?error: /, ""));
    }
    const listeners = resources.listeners.filter((_, i) => !reasons.has(i));
    const bootstrap = { ...this.#group.bootstrap, static_resources: { ...resources, listeners } };
    this.#group = { ...this.#group, bootstrap };
    return true;
  }

  async stop(): Promise<void> {
    await Promise.all((this.#sides ?? []).map((side) => side.stop()));
    this.#sides = null;
  }

  async play(testCase: DifferentialCase): Promise<CaseResult> {
    if (this.#sides === null) await this.start();
    const name = `${this.#group.name}/${testCase.name}`;
    const refusal = this.#refused.get(testCase.on);
    if (refusal) return this.#refusedCase(name, refusal);
    const began = performance.now();
    const used = new Set<AcceptedDifference>();
    const plays = [await this.#playOnce(name, testCase, used)];
    while (plays.length < MAX_PLAYS && mayBeChance(plays)) {
      await this.#startAgain();
      plays.push(await this.#playOnce(name, testCase, used));
    }
    this.#played.push(testCase);
    const last = plays[plays.length - 1] as Play;
    return {
      name,
      unexplained: last.unexplained,
      used: [...used],
      problems: agrees(last) ? await this.#ourVariation(testCase, plays) : last.problems,
      counts: null,
      once: agrees(last) ? plays.slice(0, -1) : [],
      note: testCase.note ?? null,
      durationMs: performance.now() - began,
      judged: last.judge.has(EXCEPTION) ? null : last.judge,
    };
  }

  /** Fresh processes, in the state that this group's next case expects. */
  async #startAgain(): Promise<void> {
    await this.stop();
    await this.start();
    if (!this.#group.ordered) return;
    for (const earlier of this.#played) {
      await Promise.allSettled((this.#sides ?? []).map((side) => side.play(earlier)));
    }
  }

  /** What the subject did in one play and neither it nor the judge does otherwise. */
  async #ourVariation(
    testCase: DifferentialCase,
    plays: readonly Play[],
  ): Promise<readonly string[]> {
    const seen = plays.map((play) => play.judge);
    let varied = neverSeen(subjectVaried(plays), seen);
    for (let i = 0; i < JUDGE_PLAYS && varied.length > 0; i++) {
      // What a case leaves behind (an ejected host) must not be there when it is played again.
      await this.#startAgain();
      const judge = this.#sides?.[0];
      if (judge) varied = neverSeen(varied, [await judge.play(testCase)]);
    }
    return varied.map(
      ({ key, judge, subject }) =>
        `subject varied: ${key} was once ${JSON.stringify(subject)}; ` +
        `the judge has always ${JSON.stringify(judge)}`,
    );
  }

  async #playOnce(
    name: string,
    testCase: DifferentialCase,
    usedBefore: Set<AcceptedDifference>,
  ): Promise<Play> {
    const sides = this.#sides as unknown as [Side, Side];
    const played = await Promise.allSettled(sides.map((side) => side.play(testCase)));
    const [judge, subject] = played.map(outcomeOf) as [Outcome, Outcome];
    const both = played.every((one) => one.status === "fulfilled");
    const differences = compare(
      both ? judge : exceptionOf(judge),
      both ? subject : exceptionOf(subject),
    );
    const { unexplained, used } = explain(name, differences, this.#options.accepted);
    for (const entry of used) usedBefore.add(entry);
    const excused = differences.filter((difference) => !unexplained.includes(difference));
    const excusedKeys = new Set(excused.map((difference) => difference.key));
    const died = sides.some((side) => !side.running);
    const problems = await this.#problems(testCase, sides, played, excusedKeys);
    return { judge, subject, unexplained, problems, died };
  }

  /** Compares one distribution. Its threshold leaves nothing to chance: it is played once. */
  async count(testCase: DistributionCase): Promise<CaseResult> {
    if (this.#sides === null) await this.start();
    const name = `${this.#group.name}/${testCase.name}`;
    const refusal = this.#refused.get(testCase.on);
    if (refusal) return this.#refusedCase(name, refusal);
    const began = performance.now();
    const [left, right] = this.#sides as unknown as [Side, Side];
    const counted = await Promise.allSettled([left.count(testCase), right.count(testCase)]);
    const problems = counted.flatMap((one) =>
      one.status === "rejected" ? [String(one.reason)] : [],
    );
    const [judge, subject] = counted.map((one) =>
      one.status === "fulfilled" ? one.value : new Map(),
    ) as [Counts, Counts];
    const judged = judgeCounts(testCase, judge, subject);
    const { unexplained, used } = explain(name, judged.differences, this.#options.accepted);
    const sides = { judge: printCounts(judge), subject: printCounts(subject) };
    return {
      ...failed(name, [...problems, ...judged.problems]),
      unexplained,
      used,
      counts: [sides.judge, sides.subject, sameDistribution(judge, subject)],
      note: testCase.note ?? null,
      durationMs: performance.now() - began,
    };
  }

  /** A listener that the subject refuses by name is a difference like any other. */
  #refusedCase(name: string, reason: string): CaseResult {
    const differences = [{ key: "refused", judge: undefined, subject: reason }];
    const { accepted } = this.#options;
    const { unexplained, used } = explain(name, differences, accepted);
    return { ...failed(name, []), unexplained, used };
  }

  async #problems(
    testCase: DifferentialCase,
    sides: readonly Side[],
    played: readonly PromiseSettledResult<Outcome>[],
    excused: ReadonlySet<string>,
  ): Promise<readonly string[]> {
    const problems: string[] = [];
    let died = false;
    for (const [i, result] of played.entries()) {
      const side = sides[i] as Side;
      const who = i === 0 ? "judge" : "subject";
      if (result.status === "rejected") problems.push(`${who}: ${String(result.reason)}`);
      else {
        const facts = Object.entries(testCase.facts ?? {}).filter(
          ([key]) => i === 0 || !excused.has(key),
        );
        problems.push(...brokenFacts(who, facts, result.value));
      }
      if (side.running) continue;
      died = true;
      problems.push(`${who} (${side.name}) died:\n${side.stderr.slice(-2000)}`);
    }
    if (died) await this.stop();
    return problems;
  }
}

/** A difference that may go away when the case is played again. */
function mayBeChance(plays: readonly Play[]): boolean {
  const last = plays[plays.length - 1] as Play;
  return !agrees(last) && !plays.some((play) => play.died);
}

function outcomeOf(played: PromiseSettledResult<Outcome>): Outcome {
  if (played.status === "fulfilled") return played.value;
  return new Map([[EXCEPTION, String(played.reason)]]);
}

/** Where one side could not be played, nothing else can be compared. */
function exceptionOf(outcome: Outcome): Outcome {
  const exception = outcome.get(EXCEPTION);
  return new Map(exception === undefined ? [] : [[EXCEPTION, exception]]);
}

function holds(wanted: Facts[string], value: string | undefined): boolean {
  if (typeof wanted === "string") return wanted === (value ?? "(nothing)");
  const patterns = wanted instanceof RegExp ? [wanted] : wanted;
  return patterns.every((pattern) => pattern.test(value ?? ""));
}

function brokenFacts(
  who: string,
  facts: readonly (readonly [string, Facts[string]])[],
  outcome: Outcome,
): string[] {
  return facts.flatMap(([key, wanted]) => {
    const value = outcome.get(key);
    return holds(wanted, value)
      ? []
      : [`${who}: ${key} is ${JSON.stringify(value)}, not ${String(wanted)}`];
  });
}

/** Runs the chosen cases of all groups, `parallel` groups at a time. */
export async function runGroups(
  groups: readonly DifferentialGroup[],
  options: RunOptions,
  parallel: number,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const waiting = [...groups];
  const worker = async (): Promise<void> => {
    for (let group = waiting.shift(); group; group = waiting.shift()) {
      results.push(...(await runGroup(group, options)));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}

async function runGroup(
  group: DifferentialGroup,
  options: RunOptions,
): Promise<readonly CaseResult[]> {
  const chosen = (one: { name: string }): boolean => options.chosen(`${group.name}/${one.name}`);
  const cases = group.cases.filter(chosen);
  const distributions = (group.distributions ?? []).filter(chosen);
  if (cases.length + distributions.length === 0) return [];
  const pair = new Pair(group, options);
  const results: CaseResult[] = [];
  try {
    await pair.start();
    const add = (result: CaseResult): void => {
      options.onResult(result);
      results.push(result);
    };
    for (const testCase of cases) add(await pair.play(testCase));
    for (const testCase of distributions) add(await pair.count(testCase));
  } catch (error) {
    const result = failed(`${group.name}/(start)`, [String(error)]);
    options.onResult(result);
    results.push(result);
  } finally {
    await pair.stop();
  }
  return results;
}

function failed(name: string, problems: readonly string[]): CaseResult {
  return {
    name,
    unexplained: [],
    used: [],
    problems,
    once: [],
    counts: null,
    note: null,
    durationMs: 0,
    judged: null,
  };
}
