// Import rules: direction between layers, siblings, pure folders, the Node platform, the catalogue,
// extension folders, third-party packages, and no cycles between files.
import { PACKAGE_HOMES } from "./allowed.ts";
import {
  CATALOGUE,
  CATALOGUE_USERS,
  ENTRIES,
  EXTENSIONS_COMMON,
  type Layer,
  layerOf,
  NODE_PLATFORM,
  PURE_FOLDERS,
} from "./layers.ts";
import { type Import, type SourceFile, type SourceTree, sourcesUnder } from "./source-tree.ts";

/** Every import in src obeys the layer table. */
export function checkLayers(tree: SourceTree): string[] {
  return eachImport(tree, (file, to) => {
    if (to.target === null) return null;
    if (/^(?:test|bench|build)\//.test(to.target)) {
      return `src must not know ${to.target.split("/")[0]}: move what is needed into src`;
    }
    const from = layerOf(file.path);
    if (file.path in ENTRIES) return null;
    const target = layerOf(to.target);
    if (from === null || target === null) return unknownFolder(file, from, to.target);
    return direction(from, target) ?? narrower(from, target, to);
  });
}

function unknownFolder(file: SourceFile, from: Layer | null, target: string): string {
  const path = from === null ? file.path : target;
  return `${path} is in no layer: put it into a folder of test/tidy/layers.ts (or list it in ENTRIES)`;
}

function direction(from: Layer, to: Layer): string | null {
  if (from.folder === to.folder || to.number < from.number) return null;
  const names = `${from.folder} (${from.number}) and ${to.folder} (${to.number})`;
  if (from.number === to.number) {
    return `${names} are siblings: let them meet in a lower layer or in the server`;
  }
  return (
    `${names}: imports go to smaller numbers only. ` +
    `Declare the interface in ${from.folder} and pass the ${to.folder} part in`
  );
}

function narrower(from: Layer, to: Layer, { target, typeOnly }: Import): string | null {
  if (from.folder === to.folder) return null;
  const pure = PURE_FOLDERS.find((folder) => folder.folder === from.folder);
  if (pure === undefined) return null;
  if (typeOnly && target !== null && pure.typesOf?.[target] !== undefined) return null;
  const refused =
    pure.never?.includes(to.folder) === true || pure.only?.includes(to.folder) === false;
  return refused ? `${from.folder} may not import ${to.folder}: ${pure.because}` : null;
}

/** platform/node only from entries; the catalogue only from server and cli. */
export function checkSpecialRooms(tree: SourceTree): string[] {
  return eachImport(tree, (file, { target }) => {
    if (target === null) return null;
    const insideNode = file.path.startsWith(NODE_PLATFORM);
    if (target.startsWith(NODE_PLATFORM) && !insideNode && !(file.path in ENTRIES)) {
      return "only entries bind the Node platform: take the interface by constructor";
    }
    if (target === CATALOGUE && !CATALOGUE_USERS.includes(layerOf(file.path)?.folder ?? "")) {
      return `only ${CATALOGUE_USERS.join(" and ")} see the list of all extensions: take what you need`;
    }
    return null;
  });
}

/** An extension folder imports no other extension folder, except extensions/common. */
export function checkExtensionImports(tree: SourceTree): string[] {
  return eachImport(tree, (file, { target }) => {
    const from = extensionFolder(file.path);
    if (from === null || target === null || target.startsWith(EXTENSIONS_COMMON)) return null;
    const to = extensionFolder(target);
    if (target.startsWith("src/extensions/") && target.endsWith("/catalogue.ts")) {
      return "an extension does not know the catalogue: take what you need as a parameter";
    }
    if (to === null || to === from) return null;
    return `extensions do not import each other: move the shared part to ${EXTENSIONS_COMMON}`;
  });
}

/** `src/extensions/<kind>/<name>` of a path inside one, or null; common is nobody's. */
export function extensionFolder(path: string): string | null {
  const match = /^(src\/extensions\/([^/]+)\/[^/]+)\//.exec(path);
  return match === null || match[2] === "common" ? null : match[1]!;
}

/** A package is imported only in its home. */
export function checkPackageHomes(tree: SourceTree): string[] {
  return eachImport(tree, (file, { specifier, target }) => {
    if (target !== null || specifier.startsWith("node:")) return null;
    const name = packageName(specifier);
    const entry = PACKAGE_HOMES[name];
    if (entry === undefined) {
      return `package ${name} has no home: add it to PACKAGE_HOMES in test/tidy/allowed.ts with a reason, and to src/README.md`;
    }
    const atHome = entry.homes.some((home) => file.path.startsWith(home));
    return atHome
      ? null
      : `${name} is imported only in ${entry.homes.join(", ")}: ${entry.because}`;
  });
}

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
}

/** No file reaches itself through imports that are there at run time. */
export function checkCycles(tree: SourceTree): string[] {
  const cycles: string[] = [];
  const state = new Map<string, "open" | "done">();
  const trail: string[] = [];
  const visit = (path: string): void => {
    state.set(path, "open");
    trail.push(path);
    for (const to of tree.get(path)?.imports ?? []) {
      if (to.target === null || to.typeOnly || !tree.has(to.target)) continue;
      if (state.get(to.target) === "open") {
        const circle = [...trail.slice(trail.indexOf(to.target)), to.target];
        cycles.push(`cycle: ${circle.join(" → ")}: move what both need into a third file`);
      } else if (!state.has(to.target)) visit(to.target);
    }
    trail.pop();
    state.set(path, "done");
  };
  for (const file of sourcesUnder(tree, "src/")) if (!state.has(file.path)) visit(file.path);
  return cycles;
}

function eachImport(
  tree: SourceTree,
  check: (file: SourceFile, to: Import) => string | null,
): string[] {
  const problems: string[] = [];
  for (const file of sourcesUnder(tree, "src/")) {
    for (const to of file.imports) {
      const problem = check(file, to);
      if (problem === null) continue;
      problems.push(`${file.path}:${to.line} imports ${to.target ?? to.specifier}: ${problem}`);
    }
  }
  return problems;
}
