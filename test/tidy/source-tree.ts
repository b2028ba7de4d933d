// The tree the checks look at: paths, text, blanked code, imports. Read from disk once for the real
// project, or built from a record of path to text for the checks' own tests.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { blankLiterals } from "./scan.ts";

export interface Import {
  /** As written: `../base/list.ts`, `node:fs`, `yaml`. */
  readonly specifier: string;
  /** Path inside the project for relative imports, else null. */
  readonly target: string | null;
  /** `import type` or `export type`: erased, loads nothing. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** The text with comments and literal contents blanked; "" for files that are not TypeScript. */
  readonly code: string;
  readonly codeLines: readonly string[];
  readonly imports: readonly Import[];
  /** The words after `// hot:` in the first line, or null. */
  readonly hot: string | null;
}

/** All files by path, with `/` separators, relative to the project's root. */
export type SourceTree = ReadonlyMap<string, SourceFile>;

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

const TOP_FOLDERS = ["src", "test", "bench", "build", "examples", "docker", ".ci", ".github"];
const TEXT_FILE = /\.(?:ts|md|json|ya?ml|sh|html|txt)$|(?:^|\/)(?:run|Dockerfile)$/;
const SKIPPED = /^(?:src\/proto\/generated|bench\/results)\//;

const IMPORT =
  /(?<![\w$.])(?:(import|export)\s+(type\s+)?[^"';]*?\bfrom\s*|import\s*\(?\s*)(["'])([^"']*)\3/g;

/** Reads the project once. */
export function readProject(root: string = ROOT): SourceTree {
  const files: Record<string, string> = {};
  for (const folder of TOP_FOLDERS) {
    for (const path of listFiles(root, folder)) {
      files[path] = readFileSync(join(root, path), "utf8");
    }
  }
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile() && (/\.(?:md|json)$/.test(entry.name) || entry.name === ".gitignore")) {
      if (entry.name !== "package-lock.json") {
        files[entry.name] = readFileSync(join(root, entry.name), "utf8");
      }
    }
  }
  return makeTree(files);
}

/** A tree from texts. */
export function makeTree(files: Readonly<Record<string, string>>): SourceTree {
  const tree = new Map<string, SourceFile>();
  for (const path of Object.keys(files).sort()) tree.set(path, makeFile(path, files[path]!));
  return tree;
}

/** The TypeScript files under a folder, e.g. `src/`. */
export function sourcesUnder(tree: SourceTree, ...prefixes: readonly string[]): SourceFile[] {
  return [...tree.values()].filter(
    (file) => file.path.endsWith(".ts") && prefixes.some((prefix) => file.path.startsWith(prefix)),
  );
}

function makeFile(path: string, text: string): SourceFile {
  const code = path.endsWith(".ts") ? blankLiterals(text) : "";
  return {
    path,
    text,
    lines: text.split("\n"),
    code,
    codeLines: code.split("\n"),
    imports: findImports(path, text, code),
    hot: /^\/\/ hot: *(.*)/.exec(text)?.[1]?.trim() ?? null,
  };
}

function findImports(path: string, text: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const end = match.index + match[0].length - 1;
    const specifier = text.slice(end - match[4]!.length, end);
    const target = specifier.startsWith(".")
      ? posix.normalize(posix.join(posix.dirname(path), specifier))
      : null;
    const line = code.slice(0, match.index).split("\n").length;
    imports.push({ specifier, target, typeOnly: match[2] !== undefined, line });
  }
  return imports;
}

function listFiles(root: string, folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(root, folder), { recursive: true }) as string[];
  } catch {
    return [];
  }
  return names
    .map((name) =>
      relative(root, join(root, folder, name))
        .split(sep)
        .join("/"),
    )
    .filter((path) => TEXT_FILE.test(path) && !SKIPPED.test(path));
}
