// Names and text: kebab-case, no catch-all names, a header in every file, line length, owned TODOs,
// nothing about one machine or one registry.
import { layerOf } from "./layers.ts";
import { type SourceFile, type SourceTree, sourcesUnder } from "./source-tree.ts";

const CODE = ["src/", "test/", "bench/", "build/"] as const;
const CATCH_ALL = /^(?:utils?|helpers?|misc|common|shared|types|interfaces|index)$/;
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const LINE_MAX = 100;

/** Files and folders are kebab-case and say what they hold. */
export function checkNames(tree: SourceTree): string[] {
  const problems = new Set<string>();
  for (const file of sourcesUnder(tree, ...CODE)) {
    const folders = file.path.split("/");
    const name = folders.pop()!.replace(/(?:\.(?:test|bench|d))?\.ts$/, "");
    for (const word of [...folders, name]) {
      if (!KEBAB.test(word)) problems.add(`${file.path}: ${word} is not kebab-case`);
    }
    const catchAll = [...folders.filter((_, at) => !isExtensionsCommon(folders, at)), name];
    const bad = catchAll.find((word) => CATCH_ALL.test(word));
    if (bad !== undefined) {
      problems.add(`${file.path}: "${bad}" says nothing: name it for what it holds`);
    }
  }
  return [...problems];
}

function isExtensionsCommon(folders: readonly string[], at: number): boolean {
  return folders[at] === "common" && folders[at - 1] === "extensions";
}

/** Every file starts with a comment that says what it is; a test's names say it. */
export function checkHeaders(tree: SourceTree): string[] {
  return sourcesUnder(tree, ...CODE)
    .filter((file) => !file.path.endsWith(".test.ts") && !hasHeader(file))
    .map((file) => `${file.path}:1 starts with no comment: say in 1–5 lines what the file is`);
}

function hasHeader(file: SourceFile): boolean {
  const text = file.text.replace(/^#!.*\n/, "").replace(/^\/\/ hot:.*\n/, "");
  return /^\s*\/(?:\/|\*\*?)\s*\S/.test(text);
}

/** No line over 100 columns, unless a literal or an address makes it so. */
export function checkLineLength(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { path, lines, codeLines } of sourcesUnder(tree, ...CODE)) {
    lines.forEach((line, index) => {
      if (line.length <= LINE_MAX || /https?:\/\//.test(line)) return;
      if (!COMMENT_LINE.test(line) && literalLength(line, codeLines[index]!) > LITERAL_MIN) return;
      problems.push(
        `${path}:${index + 1} is ${line.length} columns wide: npm run format, or break it`,
      );
    });
  }
  return problems;
}

const COMMENT_LINE = /^\s*(?:\/\/|\/?\*)/;
/** Literals shorter than this are not why a line is long. */
const LITERAL_MIN = 30;

/** Columns of literals: blanked ones, or the span of the longest on the line. */
function literalLength(line: string, code: string): number {
  let blanked = 0;
  for (let at = 0; at < line.length; at += 1) if (line[at] !== code[at]) blanked += 1;
  const spans = [...code.matchAll(/(["'`]).*\1/g)].map(([span]) => span.length);
  return Math.max(blanked, ...spans);
}

/** A TODO names the issue that owns it. */
export function checkTodos(tree: SourceTree): string[] {
  const files = sourcesUnder(tree, ...CODE).filter((file) => !file.path.startsWith("test/tidy/"));
  return eachLine(files, (line) => {
    if (!/\b(?:TODO|FIXME|XXX|HACK)\b/.test(line)) return null;
    return /(?:TODO|FIXME)\s*\(?(?:issue )?#?\d+/.test(line)
      ? null
      : "has a TODO without an issue: do it, or write TODO(#number)";
  });
}

const MACHINE_PATH = /(?<![\w.:/$}-])\/(?:work|root|home|Users|tmp)\//;
const REGISTRY = /\b(?:registry\.(?:npmjs|yarnpkg)|pypi\.org|files\.pythonhosted|proxy\.golang)/;

/** Nothing that is true on one machine only. */
export function checkMachinePaths(tree: SourceTree): string[] {
  const files = [...tree.values()].filter((file) => !file.path.startsWith("test/tidy/"));
  return eachLine(files, (line) => {
    if (MACHINE_PATH.test(line))
      return "names a path of one machine: make it relative or a variable";
    if (REGISTRY.test(line))
      return "names a package registry: leave the choice to the reader's setup";
    return null;
  });
}

/** Every folder directly under src is a layer. */
export function checkFolders(tree: SourceTree): string[] {
  const problems = new Set<string>();
  for (const file of sourcesUnder(tree, "src/")) {
    const folder = /^src\/([^/]+)\//.exec(file.path)?.[1];
    if (folder !== undefined && layerOf(file.path) === null) {
      problems.add(`src/${folder}/ is no layer: use a folder of test/tidy/layers.ts`);
    }
  }
  return [...problems];
}

function eachLine(files: readonly SourceFile[], check: (line: string) => string | null): string[] {
  const problems: string[] = [];
  for (const file of files) {
    file.lines.forEach((line, index) => {
      const problem = check(line);
      if (problem !== null) problems.push(`${file.path}:${index + 1} ${problem}`);
    });
  }
  return problems;
}
