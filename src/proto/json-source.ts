/**
 * Reads JSON (RFC 8259) into source nodes with positions: some twenty times faster than reading it
 * as the YAML that it is, which counts for files with thousands of endpoints.
 */
import { DiagnosticSink } from "./diagnostic-sink.ts";
import { plainValue } from "./plain-scalar.ts";
import type { MapEntry, ParsedSource, ScalarNode, SourceNode, SourceText } from "./source-node.ts";

const MAX_DEPTH = 500;

/**
 * How numbers are typed: `json` keeps them, `yaml` makes text of all but 32-bit integers, as Envoy
 * does with JSON in a YAML file.
 */
export type NumberTyping = "json" | "yaml";

export function parseJson(source: SourceText, typing: NumberTyping): ParsedSource {
  const reader = new JsonReader(source, typing);
  const root = reader.document();
  return { root, diagnostics: reader.sink.diagnostics };
}

/** Thrown to leave the recursion; the problem is already in the sink. */
class JsonSyntaxError extends Error {}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORD = /[A-Za-z]+/y;
/** What follows a backslash, but for `u`. */
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const WORDS: Readonly<Record<string, null | boolean>> = { null: null, true: true, false: false };

class JsonReader {
  readonly sink: DiagnosticSink;
  private readonly text: string;
  private readonly source: SourceText;
  private readonly typing: NumberTyping;
  private at = 0;
  private depth = 0;

  constructor(source: SourceText, typing: NumberTyping) {
    this.sink = new DiagnosticSink(source);
    this.source = source;
    this.text = source.text;
    this.typing = typing;
  }

  /** null after an error, and for a text of nothing but blanks. */
  document(): SourceNode | null {
    try {
      if (this.text.charCodeAt(0) === 0xfeff) this.at = 1;
      this.skipBlanks();
      if (this.at === this.text.length) return null;
      const root = this.value();
      this.skipBlanks();
      if (this.at < this.text.length) this.fail("Text after the end of the document");
      return this.sink.hasErrors ? null : root;
    } catch (error) {
      if (error instanceof JsonSyntaxError) return null;
      throw error;
    }
  }

  private value(): SourceNode {
    if (this.depth >= MAX_DEPTH) this.fail("Values are nested too deeply");
    const offset = this.at;
    const first = this.text[offset];
    if (first === '"') {
      const text = this.string();
      return { kind: "scalar", value: text, text, plain: false, offset };
    }
    if (first !== "{" && first !== "[") return this.word(offset);
    this.depth++;
    this.at++;
    const node = first === "{" ? this.map(offset) : this.list(offset);
    this.depth--;
    return node;
  }

  private map(offset: number): SourceNode {
    const entries = new Map<string, MapEntry>();
    while (this.more("}", entries.size)) {
      const keyOffset = this.at;
      if (this.text[keyOffset] !== '"') this.fail('Expected a key in double quotes, or "}"');
      const key = this.string();
      this.skipBlanks();
      if (this.text[this.at] !== ":") this.fail(`Expected ":" after the key "${key}"`);
      this.at++;
      this.skipBlanks();
      const earlier = entries.get(key);
      const value = this.value();
      if (earlier === undefined) entries.set(key, { key, keyOffset, value });
      else this.duplicate(key, keyOffset, earlier);
    }
    return { kind: "map", entries: [...entries.values()], offset };
  }

  private list(offset: number): SourceNode {
    const items: SourceNode[] = [];
    while (this.more("]", items.length)) items.push(this.value());
    return { kind: "list", items, offset };
  }

  /** Steps over a comma; false at the end of the map or list. */
  private more(end: string, count: number): boolean {
    this.skipBlanks();
    if (this.text[this.at] === end) {
      this.at++;
      return false;
    }
    if (count > 0) {
      if (this.text[this.at] !== ",") this.fail(`Expected "," or "${end}"`);
      this.at++;
      this.skipBlanks();
      if (this.text[this.at] === end) this.fail("A comma before the end", "remove the comma");
    }
    return true;
  }

  private duplicate(key: string, offset: number, earlier: MapEntry): void {
    const line = this.source.positionOf(earlier.keyOffset)?.line ?? 0;
    const message = `Key "${key}" is already set in line ${line}`;
    this.sink.error("", offset, message, "remove one, or merge the two");
  }

  private word(offset: number): ScalarNode {
    NUMBER.lastIndex = offset;
    const number = NUMBER.exec(this.text)?.[0];
    if (number !== undefined) {
      this.at += number.length;
      const value = this.typing === "yaml" ? plainValue(number) : Number(number);
      return { kind: "scalar", value, text: number, plain: true, offset };
    }
    WORD.lastIndex = offset;
    const word = WORD.exec(this.text)?.[0] ?? "";
    if (!Object.hasOwn(WORDS, word)) {
      this.fail(this.at < this.text.length ? "Expected a value" : "The text ends too early");
    }
    this.at += word.length;
    return { kind: "scalar", value: WORDS[word] ?? null, text: word, plain: true, offset };
  }

  private string(): string {
    const { text } = this;
    let start = ++this.at;
    let result = "";
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 0x22) {
        result += text.slice(start, this.at++);
        return result;
      }
      // NaN is the end of the text.
      if (!(code >= 0x20)) this.fail("String is not closed", 'close it with "');
      if (code !== 0x5c) this.at++;
      else {
        result += text.slice(start, this.at) + this.escape();
        start = this.at;
      }
    }
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? "";
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (letter === "u" && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.at += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const character = ESCAPES[letter];
    if (character === undefined) this.fail("Unknown escape in a string", "write \\\\ for one \\");
    this.at += 2;
    return character;
  }

  private skipBlanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private fail(message: string, remedy: string = "check the JSON syntax here"): never {
    this.sink.error("", this.at, message, remedy);
    throw new JsonSyntaxError(message);
  }
}
