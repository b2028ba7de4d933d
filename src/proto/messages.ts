/**
 * Envoy v3 messages: the one door to decoding and encoding. Bytes, YAML and JSON become plain messages; plain messages
 * become bytes and JSON. Nothing here throws on bad input: problems are diagnostics.
 */
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import { BinaryDecoder } from "./binary-decoder.ts";
import { BinaryEncoder } from "./binary-encoder.ts";
import { DiagnosticSink } from "./diagnostic-sink.ts";
import { RuleChecker } from "./field-rules.ts";
import { JsonWriter, type NameStyle } from "./json-writer.ts";
import { type LocatedSource, locatePath } from "./locate.ts";
import { mergeMessages } from "./merge.ts";
import { loadRegistry, type MessageRegistry } from "./message-registry.ts";
import { NodeDecoder, type NodeDecoderOptions } from "./node-decoder.ts";
import type { JsonValue } from "./plain.ts";
import { SourceText } from "./source-node.ts";
import { parseSource } from "./source-parser.ts";
import { WireError } from "./wire-reader.ts";

export interface TextInput {
  /** Name for diagnostics; `.json` selects the JSON parser. */
  readonly file: string;
  readonly text: string;
}

export interface DecodedText {
  /** null when any text has an error. */
  readonly message: unknown;
  readonly diagnostics: readonly Diagnostic[];
  /** Paths of fields that were skipped, when the options say to collect them. */
  readonly unknownFields: readonly string[];
  /** For `locate`. */
  readonly sources: readonly LocatedSource[];
}

export interface DecodedBytes {
  /** null when the bytes are malformed. */
  readonly message: unknown;
  readonly diagnostics: readonly Diagnostic[];
  readonly unknownFields: readonly string[];
}

export class Messages {
  readonly registry: MessageRegistry;

  constructor(registry: MessageRegistry) {
    this.registry = registry;
  }

  /** One YAML or JSON text → plain message, field rules checked. */
  decodeText(typeName: string, input: TextInput, options: NodeDecoderOptions): DecodedText {
    return this.decodeTexts(typeName, [input], options);
  }

  /** Several texts, merged in order as protobuf merges messages; the rules are checked on the result. */
  decodeTexts(
    typeName: string,
    inputs: readonly TextInput[],
    options: NodeDecoderOptions,
  ): DecodedText {
    const type = this.registry.require(typeName);
    const diagnostics: Diagnostic[] = [];
    const unknownFields: string[] = [];
    const sources: LocatedSource[] = [];
    let message: unknown = null;
    for (const input of inputs) {
      const source = new SourceText(input.file, input.text);
      const sink = new DiagnosticSink(source);
      const parsed = parseSource(source);
      diagnostics.push(...parsed.diagnostics);
      if (parsed.root === null) {
        if (parsed.diagnostics.length === 0)
          sink.error("", 0, "Is empty", `write the fields of ${type.name}`);
      } else {
        sources.push({ source, root: parsed.root });
        const decoder = new NodeDecoder(this.registry, sink, options);
        const decoded = decoder.message(type, parsed.root, "");
        unknownFields.push(...decoder.unknownFields);
        if (decoded !== undefined) {
          message = message === null ? decoded : mergeMessages(type, message, decoded);
        }
      }
      diagnostics.push(...sink.diagnostics);
    }
    // Broken fields are left out of the message: rules would complain of what is already reported.
    if (!hasErrors(diagnostics) && message !== null) {
      diagnostics.push(...this.withPlaces(this.checkRules(typeName, message), sources));
    }
    return {
      message: hasErrors(diagnostics) ? null : message,
      diagnostics,
      unknownFields,
      sources,
    };
  }

  /** Bytes → plain message. Field rules are not checked: call `checkRules`. */
  decodeBinary(typeName: string, bytes: Uint8Array): DecodedBytes {
    const type = this.registry.require(typeName);
    const decoder = new BinaryDecoder(this.registry);
    try {
      const message = decoder.decode(type, bytes);
      const { diagnostics, unknownFields } = decoder;
      return { message: hasErrors(diagnostics) ? null : message, diagnostics, unknownFields };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const path = decoder.currentPath;
      const problem: Diagnostic = { severity: "error", path, message: error.message, remedy: "" };
      return { message: null, diagnostics: [problem], unknownFields: [] };
    }
  }

  encodeBinary(typeName: string, plain: unknown): Uint8Array {
    return new BinaryEncoder(this.registry).encode(this.registry.require(typeName), plain);
  }

  /** A value for JSON.stringify, in protobuf's JSON mapping. */
  toJson(typeName: string, plain: unknown, names: NameStyle = "snake"): JsonValue {
    return new JsonWriter(this.registry, names).message(this.registry.require(typeName), plain);
  }

  /** The field rules of the protos, also inside every Any. */
  checkRules(typeName: string, plain: unknown, path: string = ""): Diagnostic[] {
    const checker = new RuleChecker(this.registry);
    checker.message(this.registry.require(typeName), plain, path);
    return checker.diagnostics;
  }

  /** Places of diagnostics that later steps made, by their paths. */
  withPlaces(
    diagnostics: readonly Diagnostic[],
    sources: readonly LocatedSource[],
  ): readonly Diagnostic[] {
    return diagnostics.map((diagnostic) => {
      if (diagnostic.source !== undefined) return diagnostic;
      const source = this.locate(diagnostic.path, sources);
      return source === null ? diagnostic : { ...diagnostic, source };
    });
  }

  /** Where a path stands in the texts of a decoded message, or null when there are none. */
  locate(path: string, sources: readonly LocatedSource[]): SourcePosition | null {
    return locatePath(sources, path);
  }
}

export async function loadMessages(): Promise<Messages> {
  return new Messages(await loadRegistry());
}

function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}
