// Finds what a bundle loads by address: `new URL("./x", import.meta.url)`. TypeScript files become
// entries of their own (child processes, workers), other files are copied beside the bundle; the
// address is rewritten to the flat output folder.
import { readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

const ADDRESS = /new URL\(\s*"([^"]+)"\s*,\s*import\.meta\.url\s*,?\s*\)/g;

/** What one source file names by address. */
export interface Addressed {
  /** Absolute paths of TypeScript files. */
  readonly entries: readonly string[];
  /** Absolute paths of other files. */
  readonly assets: readonly string[];
  /** The text with addresses in the output folder. */
  readonly text: string;
}

export function rewriteAddresses(file: string, text: string): Addressed {
  const entries: string[] = [];
  const assets: string[] = [];
  const rewritten = text.replace(ADDRESS, (whole, address: string) => {
    if (!address.startsWith(".")) return whole;
    const target = resolve(dirname(file), address);
    if (address.endsWith(".ts")) entries.push(target);
    else if (/\w\.\w+$/.test(address)) assets.push(target);
    else return whole;
    return `new URL("./${outputName(target)}", import.meta.url)`;
  });
  return { entries, assets, text: rewritten };
}

/** The name in the flat output folder: `main.ts` is the product, others keep their names. */
export function outputName(path: string): string {
  const name = basename(path);
  return name === "main.ts" ? "outrigger.js" : name.replace(/\.ts$/, ".js");
}

const IMPORTED = /(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g;

/** All entries reachable from one, that one first: through imports and through addresses. */
export function findEntries(first: string): string[] {
  const entries = new Set([first]);
  const queue = [first];
  const seen = new Set<string>();
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const entry of rewriteAddresses(file, text).entries) {
      entries.add(entry);
      queue.push(entry);
    }
    for (const match of text.matchAll(IMPORTED)) queue.push(join(dirname(file), match[1]!));
  }
  return [...entries];
}
