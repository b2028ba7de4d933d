// Sizes with a ratchet: what is over budget is listed in oversize.json with its size today; nothing
// new may come, nothing listed may grow, and what shrinks lowers its number.
import { functionSizes } from "./functions.ts";
import { type SourceTree, sourcesUnder } from "./source-tree.ts";

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 60;
export const IMPORTS_MAX = 20;

/** Kind, then name, then size: what is over budget and by how much. */
export type Oversize = Readonly<Record<SizeKind, Readonly<Record<string, number>>>>;
type SizeKind = "fileLines" | "functionLines" | "imports";

const BUDGETS: Readonly<Record<SizeKind, { readonly max: number; readonly remedy: string }>> = {
  fileLines: { max: FILE_LINES_MAX, remedy: "split it by what it is about" },
  functionLines: { max: FUNCTION_LINES_MAX, remedy: "name its steps" },
  imports: { max: IMPORTS_MAX, remedy: "it knows too much; build a part of it elsewhere" },
};

/** Compares the tree with the list. */
export function checkSizes(tree: SourceTree, listed: Oversize): string[] {
  const current = oversize(tree);
  return (Object.keys(BUDGETS) as SizeKind[]).flatMap((kind) =>
    compare(kind, current[kind], listed[kind]),
  );
}

/** Everything over budget in this tree: what oversize.json should hold. */
export function oversize(tree: SourceTree): Oversize {
  const found = { fileLines: {}, functionLines: {}, imports: {} } as Record<
    SizeKind,
    Record<string, number>
  >;
  const note = (kind: SizeKind, name: string, size: number): void => {
    if (size > BUDGETS[kind].max) found[kind][name] = Math.max(size, found[kind][name] ?? 0);
  };
  for (const file of sourcesUnder(tree, "src/", "bench/", "build/")) {
    note("fileLines", file.path, file.lines.length - 1);
    const known = file.imports.filter(({ target }) => target?.includes("/generated/") !== true);
    // A catalogue is a list of everything of its kind.
    if (!file.path.endsWith("/catalogue.ts")) note("imports", file.path, known.length);
    for (const { name, lines } of functionSizes(file.code)) {
      note("functionLines", `${file.path} ${name}`, lines);
    }
  }
  return found;
}

function compare(
  kind: SizeKind,
  current: Readonly<Record<string, number>>,
  listed: Readonly<Record<string, number>>,
): string[] {
  const { max, remedy } = BUDGETS[kind];
  const problems: string[] = [];
  for (const [name, size] of Object.entries(current)) {
    const before = listed[name];
    if (before === undefined) {
      problems.push(`${name}: ${kind} is ${size}, over ${max}: ${remedy}`);
    } else if (size > before) {
      problems.push(`${name}: ${kind} grew from ${before} to ${size}: ${remedy}`);
    } else if (size < before) {
      problems.push(`${name}: ${kind} shrank from ${before}: write ${size} into oversize.json`);
    }
  }
  for (const name of Object.keys(listed)) {
    if (current[name] === undefined) {
      problems.push(`${name}: ${kind} is within budget now: drop it from oversize.json`);
    }
  }
  return problems;
}
