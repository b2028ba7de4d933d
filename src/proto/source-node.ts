/**
 * A configuration text as a tree of scalars, maps and lists with positions: the common input of
 * JSON and YAML decoding. Scalars are typed as Envoy types them (yaml-cpp's booleans, 32-bit
 * integers, everything else is a string).
 */
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { JsonValue } from "./plain.ts";

export interface ScalarNode {
  readonly kind: "scalar";
  readonly value: null | boolean | number | string;
  /** As written, without quotes. Exact where `value` is a rounded number. */
  readonly text: string;
  /** Written without quotes. */
  readonly plain: boolean;
  /** Index into the text; -1 when the node does not come from a text. */
  readonly offset: number;
}

export interface MapEntry {
  readonly key: string;
  readonly keyOffset: number;
  readonly value: SourceNode;
}

export interface MapNode {
  readonly kind: "map";
  readonly entries: readonly MapEntry[];
  readonly offset: number;
}

export interface ListNode {
  readonly kind: "list";
  readonly items: readonly SourceNode[];
  readonly offset: number;
}

export type SourceNode = ScalarNode | MapNode | ListNode;

export interface ParsedSource {
  /** null when the text cannot be read, or is empty without a problem. */
  readonly root: SourceNode | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** A text that was read, and where its lines start. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  private lineStarts: number[] | null = null;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** undefined for nodes that come from no text. */
  positionOf(offset: number): SourcePosition | undefined {
    if (offset < 0) return undefined;
    const starts = this.lines();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: offset - (starts[low] as number) + 1 };
  }

  private lines(): number[] {
    if (this.lineStarts !== null) return this.lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) {
      starts.push(at + 1);
    }
    this.lineStarts = starts;
    return starts;
  }
}

export function findEntry(map: MapNode, key: string): MapEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** A JSON value (the content of a Struct) as nodes without positions. */
export function nodeOfJson(value: JsonValue): SourceNode {
  if (Array.isArray(value)) return { kind: "list", items: value.map(nodeOfJson), offset: -1 };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => ({
      key,
      keyOffset: -1,
      value: nodeOfJson(item),
    }));
    return { kind: "map", entries, offset: -1 };
  }
  return {
    kind: "scalar",
    value,
    text: String(value),
    plain: typeof value !== "string",
    offset: -1,
  };
}
