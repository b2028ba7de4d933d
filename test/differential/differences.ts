// Reads differences.md: every accepted difference between Outrigger and Envoy with its reason.
// An entry that no longer differs is an error, so the list cannot rot.
import { readFileSync } from "node:fs";
import type { Difference } from "./outcome.ts";

/** One section of differences.md. */
export interface AcceptedDifference {
  readonly title: string;
  /** Case names (`group/name`) and keys it covers. */
  readonly cases: RegExp;
  readonly keys: RegExp;
  /** Applies only to cases that also differ at such a key; null = to all. */
  readonly beside: RegExp | null;
}

export const DIFFERENCES_FILE: URL = new URL("differences.md", import.meta.url);

/**
 * Parses the sections: a `##` heading, `- cases:` and `- keys:` lines (and `- beside:`), then the
 * reason.
 */
export function readAccepted(text: string): readonly AcceptedDifference[] {
  const sections = text.split(/^## /m).slice(1);
  return sections.map((section) => {
    const lines = section.split("\n");
    const title = (lines[0] ?? "").trim();
    const cases = listOf(lines, "cases");
    const keys = listOf(lines, "keys");
    const beside = listOf(lines, "beside");
    const reason = lines.slice(1).filter((line) => line.trim() !== "" && !line.startsWith("- "));
    if (cases.length === 0 || keys.length === 0 || reason.length === 0) {
      throw new Error(`differences.md, "${title}": needs "- cases:", "- keys:" and a reason`);
    }
    return {
      title,
      cases: globs(cases),
      keys: globs(keys),
      beside: beside.length === 0 ? null : globs(beside),
    };
  });
}

export function loadAccepted(): readonly AcceptedDifference[] {
  return readAccepted(readFileSync(DIFFERENCES_FILE, "utf8"));
}

function listOf(lines: readonly string[], field: string): readonly string[] {
  const line = lines.find((candidate) => candidate.startsWith(`- ${field}:`)) ?? "";
  return [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

/** `*` stands for any characters; everything else is literal. */
function globs(patterns: readonly string[]): RegExp {
  const sources = patterns.map((pattern) =>
    pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*"),
  );
  return new RegExp(`^(?:${sources.join("|")})$`, "s");
}

/** Splits differences into unexplained ones and the entries that explain the others. */
export function explain(
  caseName: string,
  differences: readonly Difference[],
  accepted: readonly AcceptedDifference[],
): { readonly unexplained: readonly Difference[]; readonly used: readonly AcceptedDifference[] } {
  const here = accepted.filter(
    ({ cases, beside }) =>
      cases.test(caseName) && (beside === null || differences.some(({ key }) => beside.test(key))),
  );
  const used = new Set<AcceptedDifference>();
  const unexplained = differences.filter(({ key }) => {
    const entry = here.find((candidate) => candidate.keys.test(key));
    if (entry) used.add(entry);
    return !entry;
  });
  return { unexplained, used: [...used] };
}
