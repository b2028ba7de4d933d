// Twins: a source file with logic has a test, a hot file has a bench, an extension folder stands in
// its catalogue and has a test and an example, and every file is used by another.
import { posix } from "node:path";
import { extensionFolder } from "./check-layers.ts";
import { functionSizes } from "./functions.ts";
import { ENTRIES } from "./layers.ts";
import { type SourceFile, type SourceTree, sourcesUnder } from "./source-tree.ts";
import { BENCHES_BY_SCENARIO, TWINS_BY_SUITE } from "./twins-by-suite.ts";

/**
 * Every file with logic has a mirrored test, or a test that imports it (or the file of its own
 * folder that uses it), or a suite that covers it.
 */
export function checkTests(
  tree: SourceTree,
  suites: Readonly<Record<string, string>> = TWINS_BY_SUITE,
): string[] {
  const imported = withinFolder(tree, importedByTests(tree));
  return sourcesUnder(tree, "src/")
    .filter(hasLogic)
    .filter((file) => !tree.has(mirrored(file.path)) && !imported.has(file.path))
    .filter((file) => !tree.has(ofExtension(file.path, "test", "test")))
    .filter((file) => !coveredBySuite(tree, suites, file.path))
    .map(
      (file) => `${file.path} has no test: write ${mirrored(file.path)} (or see test/README.md)`,
    );
}

/** What tests import, themselves or through a file of their own folder. */
function importedByTests(tree: SourceTree): Set<string> {
  const folders = new Set<string>();
  for (const file of sourcesUnder(tree, "test/")) {
    if (file.path.endsWith(".test.ts")) folders.add(posix.dirname(file.path));
  }
  folders.delete("test/kit");
  return importedBy(
    tree,
    "test/",
    (path) => path.endsWith(".test.ts") || folders.has(posix.dirname(path)),
  );
}

/** Adds the files that tested files import from their own folder: a part is tested by its whole. */
function withinFolder(tree: SourceTree, tested: ReadonlySet<string>): ReadonlySet<string> {
  const reached = new Set(tested);
  for (const path of reached) {
    for (const to of tree.get(path)?.imports ?? []) {
      if (to.target !== null && posix.dirname(to.target) === posix.dirname(path)) {
        reached.add(to.target);
      }
    }
  }
  return reached;
}

/** Entries of twins-by-suite that point nowhere. */
export function checkSuites(
  tree: SourceTree,
  suites: Readonly<Record<string, string>> = TWINS_BY_SUITE,
): string[] {
  const problems: string[] = [];
  for (const [path, suite] of Object.entries(suites)) {
    const known = path.endsWith("/") ? sourcesUnder(tree, path).length > 0 : tree.has(path);
    if (!known) problems.push(`twins-by-suite names ${path}, which is gone: drop the line`);
    if (!isSuite(tree, suite)) problems.push(`twins-by-suite: ${path} → ${suite}: no such suite`);
  }
  return problems;
}

function coveredBySuite(
  tree: SourceTree,
  suites: Readonly<Record<string, string>>,
  path: string,
): boolean {
  return Object.entries(suites).some(
    ([covered, suite]) =>
      (covered === path || (covered.endsWith("/") && path.startsWith(covered))) &&
      isSuite(tree, suite),
  );
}

function isSuite(tree: SourceTree, suite: string): boolean {
  return sourcesUnder(tree, suite).some((file) => file.path.endsWith(".test.ts"));
}

/** Every `// hot:` file says how often it runs and has a bench, its own or its folder's. */
export function checkBenches(
  tree: SourceTree,
  scenarios: Readonly<Record<string, string>> = BENCHES_BY_SCENARIO,
): string[] {
  const named = importedBy(tree, "bench/micro/", () => true);
  // A bench may set its subject up with a test's fixture.
  for (const path of [...named].filter((target) => target.startsWith("test/"))) {
    for (const to of tree.get(path)?.imports ?? []) if (to.target !== null) named.add(to.target);
  }
  const imported = withinFolder(tree, named);
  const problems: string[] = [];
  for (const file of sourcesUnder(tree, "src/")) {
    if (file.hot === null) continue;
    if (!/^(?:per|every) \w/.test(file.hot)) {
      problems.push(`${file.path}:1 say how often: "// hot: per request" (or chunk, header, pick)`);
    }
    const bench = file.path.replace(/^src\/(.*)\.ts$/, "bench/micro/$1.bench.ts");
    const together = Object.entries(scenarios).some(
      ([folder, scenario]) => file.path.startsWith(folder) && tree.has(scenario),
    );
    const own = tree.has(bench) || tree.has(ofExtension(file.path, "bench/micro", "bench"));
    if (!own && !imported.has(file.path) && !together) {
      problems.push(`${file.path} is hot and has no bench: write ${bench}`);
    }
  }
  return problems;
}

/** Every extension folder: in its kind's catalogue, with a test and an example. */
export function checkExtensions(tree: SourceTree): string[] {
  const folders = new Set<string>();
  for (const file of sourcesUnder(tree, "src/extensions/")) {
    const folder = extensionFolder(file.path);
    if (folder !== null) folders.add(folder);
  }
  const tested = importedByTests(tree);
  return [...folders].flatMap((folder) => checkExtension(tree, folder, tested));
}

function checkExtension(tree: SourceTree, folder: string, tested: ReadonlySet<string>): string[] {
  const [, , kind, name] = folder.split("/");
  const files = sourcesUnder(tree, `${folder}/`);
  const problems: string[] = [];
  const catalogues = [`src/extensions/${kind}/catalogue.ts`, "src/extensions/catalogue.ts"];
  if (!catalogues.some((path) => importsInto(tree.get(path), folder))) {
    problems.push(`${folder}/ is in no catalogue: add its line to ${catalogues[0]}`);
  }
  const hasTest =
    tree.has(`test/extensions/${kind}/${name}.test.ts`) ||
    sourcesUnder(tree, `test/extensions/${kind}/${name}/`).length > 0 ||
    files.some((file) => tested.has(file.path));
  if (!hasTest) {
    problems.push(`${folder}/ has no test: write test/extensions/${kind}/${name}.test.ts`);
  }
  if (!hasExample(tree, name!, files)) {
    problems.push(`${folder}/ has no example: add examples/${name}/envoy.yaml that uses it`);
  }
  return problems;
}

const CONFIGURED_NAME =
  /["'`](envoy\.[\w.]+|type\.googleapis\.com\/[\w.]+|[A-Z]{2,}(?:_[A-Z]+)*)["'`]/g;

/** An example folder of that name, or an example that mentions one of the folder's names. */
function hasExample(tree: SourceTree, name: string, files: readonly SourceFile[]): boolean {
  const examples = [...tree.values()].filter((file) => /^examples\/.*\.ya?ml$/.test(file.path));
  if (examples.some((file) => file.path.startsWith(`examples/${name}/`))) return true;
  const names = files.flatMap((file) => [...file.text.matchAll(CONFIGURED_NAME)].map((m) => m[1]!));
  return names.some((word) => examples.some((file) => file.text.includes(word)));
}

/** No file that nothing uses, not even its test's subject. */
export function checkOrphans(tree: SourceTree): string[] {
  const imported = importedBy(tree, "src/", () => true);
  const tools = importedBy(tree, "build/", () => true);
  return sourcesUnder(tree, "src/")
    .filter((file) => !(file.path in ENTRIES) && !file.path.endsWith(".d.ts"))
    .filter((file) => !imported.has(file.path) && !tools.has(file.path))
    .map((file) => `${file.path} is used by nothing in src: wire it in or delete it`);
}

function importsInto(file: SourceFile | undefined, folder: string): boolean {
  return file?.imports.some((to) => to.target?.startsWith(`${folder}/`) === true) === true;
}

function importedBy(
  tree: SourceTree,
  prefix: string,
  which: (path: string) => boolean,
): Set<string> {
  const targets = new Set<string>();
  for (const file of sourcesUnder(tree, prefix)) {
    if (!which(file.path)) continue;
    for (const to of file.imports) if (to.target !== null) targets.add(to.target);
  }
  return targets;
}

/** The test or bench of the extension that a file belongs to; "" for other files. */
function ofExtension(path: string, folder: string, kind: string): string {
  const extension = extensionFolder(path);
  return extension === null ? "" : extension.replace(/^src\/(.*)$/, `${folder}/$1.${kind}.ts`);
}

function mirrored(path: string): string {
  return path.replace(/^src\/(.*)\.ts$/, "test/$1.test.ts");
}

/** Entries are tested as processes, catalogues as lists by whatever they list. */
function hasLogic(file: SourceFile): boolean {
  if (file.path in ENTRIES || file.path.endsWith("/catalogue.ts")) return false;
  return functionSizes(file.code).some(({ name }) => name !== "constructor");
}
