// Wraps comment lines that are over 100 columns, which the formatter leaves alone. Part of
// `npm run format`. Prose flows on into the next line of its paragraph; lists, tables and tags
// stay.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, readProject, sourcesUnder } from "./source-tree.ts";

const WIDTH = 100;
const LINE_COMMENT = /^(\s*\/\/ ?)(.*)$/;
const BLOCK_LINE = /^(\s*\* )(.*)$/;
const ONE_LINE_BLOCK = /^(\s*)\/\*\*? (.*) \*\/$/;
const TRAILING = /^(\s*)(\S.*[;,{}(]) (\/\/ .*)$/;
/** What starts a line of its own: list items, table rows, tags, indented code. */
const OWN_LINE = /^(?:[-*|@#]|\d+\.|\s{2}|hot:|biome-ignore)/;

/** The text with long comments wrapped; `code` is the same text with comments blanked. */
export function wrapComments(text: string, code: string): string {
  const codeLines = code.split("\n");
  const lines: string[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.length <= WIDTH || codeLines[index] === line) lines.push(line);
    else lines.push(...openUp(line, codeLines[index] ?? ""));
  });
  return flow(lines).join("\n");
}

/** Gives a long comment the form that can be wrapped. */
function openUp(line: string, code: string): string[] {
  const block = ONE_LINE_BLOCK.exec(line);
  if (block !== null) return [`${block[1]}/**`, `${block[1]} * ${block[2]}`, `${block[1]} */`];
  const trailing = TRAILING.exec(line);
  if (trailing !== null && code.trimEnd() === `${trailing[1]}${trailing[2]}`) {
    return [`${trailing[1]}${trailing[3]}`, `${trailing[1]}${trailing[2]}`];
  }
  return [line];
}

function flow(lines: string[]): string[] {
  const wrapped: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    const cut = line.length > WIDTH ? cutAt(line) : null;
    if (cut === null) {
      wrapped.push(line);
      continue;
    }
    const { head, prefix, rest } = cut;
    wrapped.push(head);
    const next = lines[index + 1];
    if (next !== undefined && goesOn(next, prefix)) {
      lines[index + 1] = `${prefix}${rest} ${next.slice(prefix.length)}`;
    } else lines.splice(index + 1, 0, `${prefix}${rest}`);
  }
  return wrapped;
}

function goesOn(next: string, prefix: string): boolean {
  const words = next.slice(prefix.length);
  return next.startsWith(prefix) && words.trim() !== "" && words !== "/" && !OWN_LINE.test(words);
}

/** Where a comment line breaks, or null for code and for one long word. */
function cutAt(line: string): { head: string; prefix: string; rest: string } | null {
  const match = LINE_COMMENT.exec(line) ?? BLOCK_LINE.exec(line);
  if (match === null || match[2]!.startsWith("|") || match[2]!.startsWith("biome-ignore")) {
    return null;
  }
  const prefix = match[1]!;
  const at = line.lastIndexOf(" ", WIDTH);
  if (at <= prefix.length) return null;
  const listIndent = /^(?:[-*] |\d+\. )/.exec(match[2]!)?.[0].length ?? 0;
  const indent = " ".repeat(listIndent);
  return { head: line.slice(0, at), prefix: `${prefix}${indent}`, rest: line.slice(at + 1) };
}

if (import.meta.main) {
  for (const file of sourcesUnder(readProject(), "src/", "test/", "bench/", "build/")) {
    const wrapped = wrapComments(file.text, file.code);
    if (wrapped === file.text) continue;
    // Read again: whoever saved the file meanwhile keeps what they wrote.
    const path = join(ROOT, file.path);
    if (readFileSync(path, "utf8") === file.text) writeFileSync(path, wrapped);
    console.log(`wrapped comments of ${file.path}`);
  }
}
