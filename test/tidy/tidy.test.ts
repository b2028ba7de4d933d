// The shape we agreed on, checked on the real tree. Each violation is a line that says what to do.
// The rules are in layers.ts and allowed.ts; the checks have their own tests beside this file.
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { StoredDescriptor } from "../../src/proto/descriptor.ts";
import { checkBans, checkStaleAllowances } from "./check-bans.ts";
import { checkFields, type UnnamedFields, unnamedFields } from "./check-fields.ts";
import {
  checkCycles,
  checkExtensionImports,
  checkLayers,
  checkPackageHomes,
  checkSpecialRooms,
} from "./check-layers.ts";
import { checkSizes, type Oversize } from "./check-sizes.ts";
import {
  checkFolders,
  checkHeaders,
  checkLineLength,
  checkMachinePaths,
  checkNames,
  checkTodos,
} from "./check-text.ts";
import {
  checkBenches,
  checkExtensions,
  checkOrphans,
  checkSuites,
  checkTests,
} from "./check-twins.ts";
import { readProject, type SourceTree } from "./source-tree.ts";
import { checkDependencyReasons, checkSupportTable, checkTour } from "./tour.ts";

const tree = readProject();

function holds(fact: string, check: (tree: SourceTree) => string[]): void {
  test(fact, () => {
    const problems = check(tree);
    if (problems.length > 0) throw violations(problems);
  });
}

/** An error that prints as its list: the place to look at is in each line, not in a stack. */
function violations(problems: readonly string[]): Error {
  const error = new Error(`${problems.length} to fix:\n${problems.join("\n")}`);
  error.stack = error.message;
  return error;
}

holds("every folder under src is a layer", checkFolders);
holds("imports go from larger to smaller layer numbers", checkLayers);
holds(
  "only entries bind the Node platform, only server and cli see the catalogue",
  checkSpecialRooms,
);
holds("extension folders do not import each other", checkExtensionImports);
holds("packages are imported only in their home", checkPackageHomes);
holds("no file imports itself in a circle", checkCycles);
holds("banned words stay in their home", checkBans);
holds("no exception outlives its reason", checkStaleAllowances);
holds("every file with logic has a test", checkTests);
holds("every suite named for a file exists", checkSuites);
holds("every hot file has a bench", checkBenches);
holds("every extension has its catalogue line, test and example", checkExtensions);
holds("no source file is unused", checkOrphans);
holds("names are kebab-case and say what they hold", checkNames);
holds("every file starts with what it is", checkHeaders);
holds("no line is over 100 columns", checkLineLength);
holds("every TODO names its issue", checkTodos);
holds("nothing names one machine or one registry", checkMachinePaths);
holds("the tour shows the layer table", checkTour);
holds("the README lists the filters there are", checkSupportTable);
holds("every dependency has a written reason", checkDependencyReasons);
holds("sizes stay within budget, and the listed ones only shrink", (files) => {
  const listed = readFileSync(new URL("oversize.json", import.meta.url), "utf8");
  return checkSizes(files, JSON.parse(listed) as Oversize);
});

const DESCRIPTOR = new URL("../../src/proto/generated/descriptor.json", import.meta.url);

test("no known field is silent", { skip: !existsSync(DESCRIPTOR) && "npm run generate" }, (t) => {
  const descriptor = JSON.parse(readFileSync(DESCRIPTOR, "utf8")) as StoredDescriptor;
  const listed = readFileSync(new URL("unnamed-fields.json", import.meta.url), "utf8");
  const current = unnamedFields(tree, descriptor);
  const { silent, named } = checkFields(current, JSON.parse(listed) as UnnamedFields);
  for (const field of named) t.diagnostic(`${field} may leave unnamed-fields.json`);
  if (silent.length > 0) throw violations(silent);
});
