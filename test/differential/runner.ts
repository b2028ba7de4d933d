// Plays groups of cases on a judge and a subject side by side and collects what differs.
import type { ProxyCommand } from "../kit/proxy-process.ts";
import type { DifferentialCase, DifferentialGroup, Facts } from "./case.ts";
import { type AcceptedDifference, explain } from "./differences.ts";
import { compare, type Difference, type Outcome } from "./outcome.ts";
import { Side } from "./side.ts";

/** The verdict on one case. */
export interface CaseResult {
  /** `group/case name`. */
  readonly name: string;
  readonly unexplained: readonly Difference[];
  readonly used: readonly AcceptedDifference[];
  /** Facts that do not hold, a proxy that died, an exception: one line each. */
  readonly problems: readonly string[];
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

/** Both proxies of one group; restarts one that died so that the next case can run. */
export class Pair {
  readonly #group: DifferentialGroup;
  readonly #options: Pick<RunOptions, "judge" | "subject" | "accepted">;
  #sides: [Side, Side] | null = null;

  constructor(
    group: DifferentialGroup,
    options: Pick<RunOptions, "judge" | "subject" | "accepted">,
  ) {
    this.#group = group;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { judge, subject } = this.#options;
    const started = await Promise.allSettled([
      Side.start(judge, this.#group),
      Side.start(subject, this.#group),
    ]);
    const [left, right] = started;
    if (left.status === "fulfilled" && right.status === "fulfilled") {
      this.#sides = [left.value, right.value];
      return;
    }
    for (const side of started) if (side.status === "fulfilled") await side.value.stop();
    throw left.status === "rejected" ? left.reason : (right as PromiseRejectedResult).reason;
  }

  async stop(): Promise<void> {
    await Promise.all((this.#sides ?? []).map((side) => side.stop()));
    this.#sides = null;
  }

  async play(testCase: DifferentialCase): Promise<CaseResult> {
    if (this.#sides === null) await this.start();
    const sides = this.#sides as unknown as [Side, Side];
    const began = performance.now();
    const name = `${this.#group.name}/${testCase.name}`;
    const played = await Promise.allSettled(sides.map((side) => side.play(testCase)));
    const problems = await this.#problems(testCase, sides, played);
    const [judge, subject] = played;
    const differences =
      judge?.status === "fulfilled" && subject?.status === "fulfilled"
        ? compare(judge.value, subject.value)
        : [];
    return {
      name,
      ...explain(name, differences, this.#options.accepted),
      problems,
      note: testCase.note ?? null,
      durationMs: performance.now() - began,
      judged: judge?.status === "fulfilled" ? judge.value : null,
    };
  }

  async #problems(
    testCase: DifferentialCase,
    sides: readonly Side[],
    played: readonly PromiseSettledResult<Outcome>[],
  ): Promise<readonly string[]> {
    const problems: string[] = [];
    let died = false;
    for (const [i, result] of played.entries()) {
      const side = sides[i] as Side;
      const who = i === 0 ? "judge" : "subject";
      if (result.status === "rejected") problems.push(`${who}: ${String(result.reason)}`);
      else problems.push(...brokenFacts(who, testCase.facts ?? {}, result.value));
      if (side.running) continue;
      died = true;
      problems.push(`${who} (${side.name}) died:\n${side.stderr.slice(-2000)}`);
    }
    if (died) await this.stop();
    return problems;
  }
}

function holds(wanted: Facts[string], value: string | undefined): boolean {
  if (typeof wanted === "string") return wanted === (value ?? "(nothing)");
  const patterns = wanted instanceof RegExp ? [wanted] : wanted;
  return patterns.every((pattern) => pattern.test(value ?? ""));
}

function brokenFacts(who: string, facts: Facts, outcome: Outcome): string[] {
  return Object.entries(facts).flatMap(([key, wanted]) => {
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
  const cases = group.cases.filter((one) => options.chosen(`${group.name}/${one.name}`));
  if (cases.length === 0) return [];
  const pair = new Pair(group, options);
  const results: CaseResult[] = [];
  try {
    await pair.start();
    for (const testCase of cases) {
      const result = await pair.play(testCase);
      options.onResult(result);
      results.push(result);
    }
  } catch (error) {
    const result = failedGroup(group, error);
    options.onResult(result);
    results.push(result);
  } finally {
    await pair.stop();
  }
  return results;
}

function failedGroup(group: DifferentialGroup, error: unknown): CaseResult {
  return {
    name: `${group.name}/(start)`,
    unexplained: [],
    used: [],
    problems: [String(error)],
    note: null,
    durationMs: 0,
    judged: null,
  };
}
