// Groups unexplained differences by likely cause: the same key with the same pair of values.
import type { Difference } from "./outcome.ts";
import type { CaseResult } from "./runner.ts";

interface Cause {
  readonly key: string;
  readonly judge: string | undefined;
  readonly subject: string | undefined;
  readonly cases: string[];
}

/** A Markdown report: causes by number of cases, then problems. */
export function writeReport(results: readonly CaseResult[]): string {
  const causes = new Map<string, Cause>();
  for (const result of results) {
    for (const difference of result.unexplained) {
      const split = splitLists(difference);
      for (const one of split) addCause(causes, one, result.name);
    }
  }
  const sorted = [...causes.values()].sort((a, b) => b.cases.length - a.cases.length);
  const failed = results.filter((one) => one.unexplained.length + one.problems.length > 0);
  const problems = results.flatMap((one) => one.problems.map((text) => `- ${one.name}: ${text}`));
  const once = results.filter((one) => one.once.length > 0).map((one) => `- ${one.name}`);
  return [
    `# Differential report: ${failed.length} of ${results.length} cases differ`,
    "",
    ...sorted.map(printCause),
    ...(problems.length > 0 ? ["## Problems", "", ...problems] : []),
    ...(once.length > 0 ? ["## Differed once, agreed when played again", "", ...once] : []),
    "",
  ].join("\n");
}

/** A difference of header lists becomes one cause per missing or extra line. */
function splitLists(difference: Difference): readonly Difference[] {
  const { key, judge, subject } = difference;
  if (!/headers$/.test(key) || judge === undefined || subject === undefined) return [difference];
  const left = judge.split("\n");
  const right = subject.split("\n");
  const missing = left.filter((line) => !right.includes(line));
  const extra = right.filter((line) => !left.includes(line));
  if (missing.length + extra.length === 0) {
    return [
      {
        key: `${key} (order)`,
        judge: left.map(nameOf).join(" "),
        subject: right.map(nameOf).join(" "),
      },
    ];
  }
  return [
    ...missing.map((line) => ({ key, judge: line, subject: undefined })),
    ...extra.map((line) => ({ key, judge: undefined, subject: line })),
  ];
}

const nameOf = (line: string): string => line.split(":")[0] ?? "";

function addCause(causes: Map<string, Cause>, difference: Difference, caseName: string): void {
  const key = difference.key.replace(
    /(?<=^(client|upstream\.\w+|log)\.)\d+(\.response\.\d+)?/,
    "N",
  );
  const id = JSON.stringify([key, difference.judge, difference.subject]);
  const cause = causes.get(id) ?? {
    key,
    judge: difference.judge,
    subject: difference.subject,
    cases: [],
  };
  cause.cases.push(caseName);
  causes.set(id, cause);
}

function printCause(cause: Cause): string {
  const cases = cause.cases.slice(0, 6).map((name) => `  - ${name}`);
  const more = cause.cases.length > 6 ? [`  - … and ${cause.cases.length - 6} more`] : [];
  return [
    `## ${cause.key} (${cause.cases.length})`,
    `- envoy: ${shown(cause.judge)}`,
    `- outrigger: ${shown(cause.subject)}`,
    "- cases:",
    ...cases,
    ...more,
    "",
  ].join("\n");
}

function shown(value: string | undefined): string {
  return value === undefined ? "(nothing)" : JSON.stringify(value).slice(0, 400);
}
