// Words that are forbidden outside their home, from the table in allowed.ts.
import { BANS, type Ban } from "./allowed.ts";
import { type SourceFile, type SourceTree, sourcesUnder } from "./source-tree.ts";

/** Every use of a banned word outside its home and its allow-list. */
export function checkBans(tree: SourceTree, bans: readonly Ban[] = BANS): string[] {
  const problems: string[] = [];
  for (const ban of bans) {
    for (const file of sourcesUnder(tree, ...ban.in)) {
      if (ban.hotOnly === true && file.hot === null) continue;
      if (!isAllowed(ban, file.path)) problems.push(...uses(ban, file));
    }
  }
  return problems;
}

/** Entries of the allow-lists that allow nothing any more. */
export function checkStaleAllowances(tree: SourceTree, bans: readonly Ban[] = BANS): string[] {
  const stale: string[] = [];
  for (const ban of bans) {
    for (const path of Object.keys(ban.allowed)) {
      const files = [...tree.values()].filter((file) => covers(path, file.path));
      if (files.every((file) => uses(ban, file).length === 0)) {
        stale.push(
          `allowed.ts lets ${path} use ${ban.what}, which it no longer does: drop the line`,
        );
      }
    }
  }
  return stale;
}

function isAllowed(ban: Ban, path: string): boolean {
  return (
    ban.homes.some((home) => path.startsWith(home)) ||
    Object.keys(ban.allowed).some((allowed) => covers(allowed, path))
  );
}

/** A folder ends with a slash and covers everything below it. */
function covers(allowed: string, path: string): boolean {
  return allowed.endsWith("/") ? path.startsWith(allowed) : path === allowed;
}

/** One line per file: the first use, and how many more there are. */
function uses(ban: Ban, file: SourceFile): string[] {
  const lines = ban.literals === true ? file.lines : file.codeLines;
  const found = lines.flatMap((line, index) => {
    const word = ban.pattern.exec(line)?.[0].trim();
    return word === undefined ? [] : [{ word, at: index + 1 }];
  });
  const [first] = found;
  if (first === undefined) return [];
  const more = found.length > 1 ? ` and ${found.length - 1} more` : "";
  return [`${file.path}:${first.at} uses ${first.word}${more} (${ban.what}): ${ban.instead}`];
}
