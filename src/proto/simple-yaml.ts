/**
 * Reads the YAML that configurations are written in: block and flow maps and lists, scalars on one
 * line, comments. Whatever else there is (anchors, tags, block and multi-line scalars, several
 * documents, and every error) it declines, and the complete parser takes over. What it accepts it
 * reads as that one does (a test compares them on thousands of mutated texts). It needs no package
 * and a twentieth of the time.
 */
import { plainValue } from "./plain-scalar.ts";
import type { MapEntry, ScalarNode, SourceNode } from "./source-node.ts";

const MAX_DEPTH = 100;
/** Tabs, other control characters, byte order marks and exotic line ends. */
const UNUSUAL = /[^\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const KEY = /[A-Za-z0-9_][A-Za-z0-9_./-]*(?=:(?:[ \n]|$))/y;
const BLANK_LINES = /(?:[ ]*(?:#[^\n]*)?\n)*/y;
const LINE_END = /[ ]*(?:$|\n|(?<=[ ])#[^\n]*(?:$|\n))/y;
const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SINGLE_QUOTED = /'(?:[^'\n]|'')*'/y;
/** Text on one line up to a comment; blanks at the end are cut off later. */
const PLAIN = /(?:[^\s#:]|:(?=[^ \n])|(?<=[^ \n])#|[ ])+/y;
const FLOW_PLAIN = /(?:[^\s#:,[\]{}]|:(?=[^ \n,[\]{}])|(?<=[^ \n,[\]{}])#|[ ])+/y;
/** What a plain scalar may not begin with. A dash may, before a letter or digit. */
const NOT_PLAIN = /(?:-(?![A-Za-z0-9.])|[?:,[\]{}#&*!|>'"%@`\s])/y;

/** Thrown to leave the recursion; caught in `parseSimpleYaml`. */
class Declined extends Error {}
const DECLINED = new Declined("not simple");

/** null when the text is not simple. */
export function parseSimpleYaml(text: string): SourceNode | null {
  if (UNUSUAL.test(text)) return null;
  try {
    return new Reader(text).document();
  } catch (error) {
    if (error instanceof Declined) return null;
    throw error;
  }
}

class Reader {
  private readonly text: string;
  private at = 0;
  /** Start of the line that `at` is in. */
  private lineStart = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): SourceNode {
    this.skipBlankLines();
    if (this.column() === 0 && this.text.startsWith("---\n", this.at)) {
      this.at += 4;
      this.skipBlankLines();
    }
    const column = this.column();
    if (column !== 0) throw DECLINED;
    const root = this.block(column);
    if (this.at < this.text.length) throw DECLINED;
    return root;
  }

  /** A map or list that begins here, at the given column. */
  private block(column: number): SourceNode {
    if (++this.depth > MAX_DEPTH) throw DECLINED;
    const node = this.isDash() ? this.list(column) : this.map(column);
    this.depth--;
    return node;
  }

  private list(column: number): SourceNode {
    const offset = this.at;
    const items: SourceNode[] = [];
    do {
      this.at++;
      const after = this.at;
      while (this.text[this.at] === " ") this.at++;
      const isNested = this.at > after && (this.isDash() || this.isKey());
      items.push(isNested ? this.block(this.at - this.lineStart) : this.value(column, false));
    } while (this.nextLineAt(column) && this.isDash());
    return { kind: "list", items, offset };
  }

  private map(column: number): SourceNode {
    const offset = this.at;
    const entries: MapEntry[] = [];
    const seen = new Set<string>();
    do {
      const keyOffset = this.at;
      const key = this.key();
      if (key === null || seen.has(key)) throw DECLINED;
      seen.add(key);
      // The colon.
      this.at++;
      while (this.text[this.at] === " ") this.at++;
      entries.push({ key, keyOffset, value: this.value(column, true) });
    } while (this.nextLineAt(column));
    return { kind: "map", entries, offset };
  }

  /** What stands behind a dash or a key: on the same line, or as a block below it. */
  private value(column: number, inMap: boolean): SourceNode {
    const start = this.at;
    if (this.atLineEnd()) return this.valueBelow(column, inMap, start);
    const first = this.text[start];
    let node: SourceNode;
    if (first === "{" || first === "[") node = this.flow(column);
    else if (first === '"' || first === "'") node = this.quoted();
    else node = this.plain(PLAIN);
    if (!this.atLineEnd()) throw DECLINED;
    this.endLine();
    // Deeper lines would continue a scalar, or be an error.
    if (this.at < this.text.length && this.column() > column) throw DECLINED;
    return node;
  }

  private valueBelow(column: number, inMap: boolean, start: number): SourceNode {
    this.endLine();
    if (this.at < this.text.length) {
      const below = this.column();
      if (below > column || (inMap && below === column && this.isDash())) return this.block(below);
    }
    return { kind: "scalar", value: null, text: "", plain: true, offset: start };
  }

  private key(): string | null {
    const first = this.text[this.at];
    if (first === '"' || first === "'") {
      const { text } = this.quoted();
      const next = this.text[this.at + 1];
      const isKey = this.text[this.at] === ":" && (next === " " || next === "\n");
      return isKey ? text : null;
    }
    const key = this.match(KEY);
    if (key !== null) this.at += key.length;
    return key;
  }

  /** True where a map begins: a key and its colon. */
  private isKey(): boolean {
    const start = this.at;
    const first = this.text[start];
    const isKey = first === '"' || first === "'" ? this.key() !== null : this.match(KEY) !== null;
    this.at = start;
    return isKey;
  }

  private isDash(): boolean {
    const next = this.text[this.at + 1];
    return this.text[this.at] === "-" && (next === " " || next === "\n" || next === undefined);
  }

  private flow(column: number): SourceNode {
    if (++this.depth > MAX_DEPTH) throw DECLINED;
    const node = this.text[this.at] === "{" ? this.flowMap(column) : this.flowList(column);
    this.depth--;
    return node;
  }

  private flowMap(column: number): SourceNode {
    const offset = this.at++;
    const entries: MapEntry[] = [];
    const seen = new Set<string>();
    while (this.flowMore("}", column, entries.length)) {
      const keyOffset = this.at;
      const key = this.key();
      if (key === null || seen.has(key)) throw DECLINED;
      seen.add(key);
      this.at++;
      this.flowBlanks(column);
      entries.push({ key, keyOffset, value: this.flowValue(column) });
    }
    return { kind: "map", entries, offset };
  }

  private flowList(column: number): SourceNode {
    const offset = this.at++;
    const items: SourceNode[] = [];
    while (this.flowMore("]", column, items.length)) items.push(this.flowValue(column));
    return { kind: "list", items, offset };
  }

  private flowValue(column: number): SourceNode {
    const first = this.text[this.at];
    if (first === "{" || first === "[") return this.flow(column);
    if (first === '"' || first === "'") return this.quoted();
    return this.plain(FLOW_PLAIN);
  }

  /** Steps over the comma between items; false at the end. */
  private flowMore(end: string, column: number, count: number): boolean {
    this.flowBlanks(column);
    if (count > 0 && this.text[this.at] !== end) {
      if (this.text[this.at] !== ",") throw DECLINED;
      this.at++;
      this.flowBlanks(column);
    }
    if (this.text[this.at] !== end) return true;
    this.at++;
    return false;
  }

  /** Blanks and line ends inside a flow collection; its lines stand deeper than their parent. */
  private flowBlanks(column: number): void {
    for (;;) {
      const character = this.text[this.at];
      if (character === "\n") {
        this.at++;
        this.lineStart = this.at;
        while (this.text[this.at] === " ") this.at++;
        const isBlank = this.text[this.at] === "\n";
        if (!isBlank && this.at - this.lineStart <= column) throw DECLINED;
      } else if (character === " ") this.at++;
      else return;
    }
  }

  private plain(pattern: RegExp): ScalarNode {
    const offset = this.at;
    NOT_PLAIN.lastIndex = offset;
    if (NOT_PLAIN.test(this.text)) throw DECLINED;
    const text = this.match(pattern)?.trimEnd() ?? "";
    if (text === "") throw DECLINED;
    this.at += text.length;
    return { kind: "scalar", value: plainValue(text), text, plain: true, offset };
  }

  private quoted(): ScalarNode {
    const offset = this.at;
    const isDouble = this.text[offset] === '"';
    const written = this.match(isDouble ? DOUBLE_QUOTED : SINGLE_QUOTED);
    if (written === null) throw DECLINED;
    this.at += written.length;
    const text = isDouble
      ? (JSON.parse(written) as string)
      : written.slice(1, -1).replaceAll("''", "'");
    return { kind: "scalar", value: text, text, plain: false, offset };
  }

  /** True when the next line with content stands at this column; deeper ones are declined. */
  private nextLineAt(column: number): boolean {
    if (this.at >= this.text.length) return false;
    const next = this.column();
    if (next > column) throw DECLINED;
    return next === column;
  }

  private column(): number {
    return this.at - this.lineStart;
  }

  private atLineEnd(): boolean {
    return this.match(LINE_END) !== null;
  }

  /** To the first character of the next line with content. */
  private endLine(): void {
    this.at += this.match(LINE_END)?.length ?? 0;
    this.skipBlankLines();
  }

  private skipBlankLines(): void {
    this.at += this.match(BLANK_LINES)?.length ?? 0;
    this.lineStart = this.at;
    while (this.text[this.at] === " ") this.at++;
    // A comment or blanks on a last line without line end.
    if (this.text[this.at] === "#") this.at = this.text.length;
    if (this.at - this.lineStart === 0 && this.isMarker()) throw DECLINED;
  }

  /** Document markers and directives begin a line. */
  private isMarker(): boolean {
    const start = this.text.slice(this.at, this.at + 3);
    if (start === "---") return this.text.slice(0, this.at).trim() !== "" && !this.isFirst();
    return start === "..." || start.startsWith("%");
  }

  /** Nothing but comments stands before. */
  private isFirst(): boolean {
    return /^(?:[ ]*(?:#[^\n]*)?\n)*$/.test(this.text.slice(0, this.at));
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? null;
  }
}
