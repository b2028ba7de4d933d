/**
 * Reads YAML (and JSON, which YAML contains) into source nodes: resolves anchors and merge keys,
 * refuses duplicate keys, several documents and alias bombs, and types scalars as Envoy does.
 */
import {
  type Alias,
  type Document,
  type DocumentOptions,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParseOptions,
  parseAllDocuments,
  type Scalar,
  type SchemaOptions,
  visit,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Diagnostic } from "../base/diagnostic.ts";
import { plainValue } from "./plain-scalar.ts";
import type { MapEntry, ParsedSource, ScalarNode, SourceNode, SourceText } from "./source-node.ts";

/** Nodes that decoding may visit when aliases are counted each time they are used. */
const MAX_NODES = 2_000_000;

/** Entries whose key carries this tag only hold anchors (an Envoy convention). */
const IGNORE_TAG = "!ignore";

const PARSE_OPTIONS: ParseOptions & DocumentOptions & SchemaOptions = {
  schema: "failsafe",
  uniqueKeys: false,
  merge: false,
  prettyErrors: false,
  logLevel: "silent",
  customTags: [{ tag: IGNORE_TAG, resolve: (text: string): string => text }],
};

const MAX_DEPTH = 500;
const TOO_DEEP = "Values are nested too deeply";

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "align it with the other entries of the same level",
  BAD_SCALAR_START: "put the value in quotes",
  BLOCK_AS_IMPLICIT_KEY: "check the indentation, or quote a value that contains a colon",
  MULTILINE_IMPLICIT_KEY: "check the indentation; is a colon missing?",
  MISSING_CHAR: "check the YAML syntax here",
};

/** What code MISSING_CHAR can mean, by words of its message. */
const MISSING: readonly (readonly [words: RegExp, remedy: string])[] = [
  [/closing ['"]quote/, "close the quote that is opened here"],
  [/without - indicator/, "check the indentation: begin the item with -, or align the field"],
  [/flow|followed by map values/, "close the bracket or brace, or add the comma or colon"],
  [/indented/, "check the indentation"],
  [/white space|space after/, "put a space in between"],
];

export function parseYaml(source: SourceText): ParsedSource {
  const documents = parseAllDocuments(source.text, PARSE_OPTIONS);
  const builder = new NodeBuilder(source);
  if ("empty" in documents) return { root: null, diagnostics: [] };
  for (const document of documents) builder.syntaxErrors(document);
  const filled = documents.filter((document) => document.contents !== null);
  const second = filled[1]?.contents;
  if (second !== undefined && second !== null) {
    builder.report(offsetOf(second as Node), "A second YAML document begins here", "keep one");
  }
  if (builder.diagnostics.length > 0) return { root: null, diagnostics: builder.diagnostics };
  const contents = filled[0]?.contents as Node | null | undefined;
  const root = contents === null || contents === undefined ? null : builder.build(contents);
  if (builder.weightOf(root) > MAX_NODES) {
    builder.report(0, "Aliases expand to millions of values", "repeat less");
  }
  const unusable =
    builder.diagnostics.length > 0 || (root?.kind === "scalar" && root.value === null);
  return { root: unusable ? null : root, diagnostics: builder.diagnostics };
}

/** A missing quote is noticed at the end of the text; the place to look is where it opens. */
function startOf(error: YAMLError, document: Document.Parsed): number {
  const [noticed] = error.pos;
  let start = noticed;
  if (!error.message.startsWith("Missing closing")) return start;
  visit(document, {
    Scalar: (_key, { range }) => {
      if (range !== null && range !== undefined && range[0] < noticed && range[1] >= noticed) {
        [start] = range;
      }
    },
  });
  return start;
}

class NodeBuilder {
  readonly diagnostics: Diagnostic[] = [];
  private readonly source: SourceText;
  private depth = 0;
  private readonly anchors = new Map<string, SourceNode | null>();
  /** How many nodes a node expands to. */
  private readonly weights = new Map<SourceNode, number>();

  constructor(source: SourceText) {
    this.source = source;
  }

  report(offset: number, message: string, remedy: string): void {
    const position = this.source.positionOf(offset);
    const problem = { severity: "error", path: "", message, remedy } as const;
    this.diagnostics.push(position === undefined ? problem : { ...problem, source: position });
  }

  syntaxErrors(document: Document.Parsed): void {
    // One slip makes several errors; the first says where it is.
    const [error] = document.errors;
    if (error === undefined || this.diagnostics.length > 0) return;
    const remedy =
      MISSING.find(([words]) => words.test(error.message))?.[1] ??
      REMEDIES[error.code] ??
      "check the YAML syntax here";
    // The parser recurses, and reports an exhausted stack as an error of the text.
    const tooDeep = error.message.startsWith("Maximum call stack");
    const message = tooDeep
      ? TOO_DEEP
      : error.message.replace(/\.$/, "").replace(/['"]quote/, "quote");
    this.report(startOf(error, document), message, remedy);
  }

  weightOf(node: SourceNode | null): number {
    return node === null ? 0 : (this.weights.get(node) ?? 1);
  }

  build(node: Node): SourceNode {
    if (isAlias(node)) return this.alias(node);
    if (this.depth >= MAX_DEPTH) {
      if (this.diagnostics.length === 0) this.report(offsetOf(node), TOO_DEEP, "nest less");
      return nullNode(offsetOf(node));
    }
    this.depth++;
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.anchors.set(anchor, null);
    const built = this.content(node);
    this.depth--;
    if (anchor !== undefined) this.anchors.set(anchor, built);
    return built;
  }

  private content(node: Node): SourceNode {
    const offset = offsetOf(node);
    if (isMap(node)) {
      const entries = this.mapEntries(node as YAMLMap<Node, Node | null>);
      const map: SourceNode = { kind: "map", entries, offset };
      this.weigh(
        map,
        entries.map((entry) => entry.value),
      );
      return map;
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as Node));
      const list: SourceNode = { kind: "list", items, offset };
      this.weigh(list, items);
      return list;
    }
    return scalarNode(node as Scalar, offset);
  }

  private weigh(node: SourceNode, children: readonly SourceNode[]): void {
    let weight = 1;
    for (const child of children) weight += this.weightOf(child);
    this.weights.set(node, weight);
  }

  private alias(node: Alias): SourceNode {
    const target = this.anchors.get(node.source);
    if (target !== undefined && target !== null) return target;
    const message =
      target === null ? `Alias *${node.source} contains itself` : `No anchor &${node.source}`;
    this.report(offsetOf(node), message, `define &${node.source} before it is used`);
    return nullNode(offsetOf(node));
  }

  private mapEntries(map: YAMLMap<Node, Node | null>): MapEntry[] {
    const entries = new Map<string, MapEntry>();
    const merged: SourceNode[] = [];
    for (const pair of map.items) {
      const key = pair.key;
      const value = this.pairValue(pair);
      if (key.tag === IGNORE_TAG) continue;
      if (!isScalar(key)) {
        this.report(offsetOf(key), "A map key must be a plain word", "quote a key with brackets");
      } else if (key.value === "<<" && key.type === "PLAIN") merged.push(value);
      else this.addEntry(entries, { key: String(key.value), keyOffset: offsetOf(key), value });
    }
    for (const value of merged) this.mergeInto(entries, value);
    return [...entries.values()];
  }

  private pairValue(pair: Pair<Node, Node | null>): SourceNode {
    return pair.value === null ? nullNode(offsetOf(pair.key)) : this.build(pair.value);
  }

  private addEntry(entries: Map<string, MapEntry>, entry: MapEntry): void {
    const earlier = entries.get(entry.key);
    if (earlier === undefined) {
      entries.set(entry.key, entry);
      return;
    }
    const line = this.source.positionOf(earlier.keyOffset)?.line ?? 0;
    const message = `Key "${entry.key}" is already set in line ${line}`;
    this.report(entry.keyOffset, message, "remove one, or merge the two");
  }

  /**
   * YAML's merge key: entries of the referenced map (or maps) that this map does not set itself.
   */
  private mergeInto(entries: Map<string, MapEntry>, value: SourceNode): void {
    const maps = value.kind === "list" ? value.items : [value];
    for (const map of maps) {
      if (map.kind !== "map") {
        this.report(map.offset, "A merge key takes a map", "refer to a map with *name");
        continue;
      }
      for (const entry of map.entries) {
        if (!entries.has(entry.key)) entries.set(entry.key, entry);
      }
    }
  }
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function nullNode(offset: number): ScalarNode {
  return { kind: "scalar", value: null, text: "", plain: true, offset };
}

function scalarNode(node: Scalar, offset: number): ScalarNode {
  const text = String(node.value);
  // The tag `!` alone makes a string of anything.
  const plain = node.type === "PLAIN" && node.tag !== "!";
  return { kind: "scalar", value: plain ? plainValue(text) : text, text, plain, offset };
}
