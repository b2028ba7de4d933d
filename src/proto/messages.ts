/**
 * Envoy v3 messages: the one door to decoding and encoding. Bytes, YAML and JSON become plain
 * messages; plain messages become bytes and JSON. Nothing here throws on bad input: problems are
 * diagnostics.
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
import type { MessageType } from "./message-type.ts";
import { NodeDecoder, type NodeDecoderOptions } from "./node-decoder.ts";
import type { JsonValue } from "./plain.ts";
import { SourceText } from "./source-node.ts";
import { parseSource } from "./source-parser.ts";
import { WireError } from "./wire-reader.ts";

export interface TextInput {
  /** Name for diagnostics. */
  readonly file: string;
  readonly text: string;
}

export interface BytesInput {
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface DecodeOptions extends NodeDecoderOptions {
  /** Leave the field rules to a later `checkRules`. Default false. */
  readonly skipRules?: boolean;
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
  decodeText(typeName: string, input: TextInput, options: DecodeOptions): DecodedText {
    return this.decodeInputs(typeName, [input], options);
  }

  /**
   * Several texts or encoded messages, merged in order as protobuf merges; the rules are checked on
   * the result.
   */
  decodeInputs(
    typeName: string,
    inputs: readonly (TextInput | BytesInput)[],
    options: DecodeOptions,
  ): DecodedText {
    const type = this.registry.require(typeName);
    const diagnostics: Diagnostic[] = [];
    const unknownFields: string[] = [];
    const sources: LocatedSource[] = [];
    let message: unknown = null;
    for (const input of inputs) {
      const decoded =
        "text" in input
          ? this.decodeOneText(type, input, options)
          : this.decodeFile(typeName, input, options);
      diagnostics.push(...decoded.diagnostics);
      unknownFields.push(...decoded.unknownFields);
      sources.push(...decoded.sources);
      if (message === null) message = decoded.message;
      else if (decoded.message !== null) message = mergeMessages(type, message, decoded.message);
    }
    // Broken fields are left out of the message: rules would complain of what is already reported.
    if (options.skipRules !== true && message !== null && !hasErrors(diagnostics)) {
      diagnostics.push(...this.withPlaces(this.checkRules(typeName, message), sources));
    }
    if (hasErrors(diagnostics)) message = null;
    return { message, diagnostics, unknownFields, sources };
  }

  private decodeOneText(type: MessageType, input: TextInput, options: DecodeOptions): DecodedText {
    const source = new SourceText(input.file, input.text);
    const { root, diagnostics } = parseSource(source);
    const sink = new DiagnosticSink(source);
    if (root === null) {
      if (diagnostics.length === 0) {
        sink.error("", 0, "Is empty", `write the fields of ${type.name}`);
      }
      const found = [...diagnostics, ...sink.diagnostics];
      return { message: null, diagnostics: found, unknownFields: [], sources: [] };
    }
    const decoder = new NodeDecoder(this.registry, sink, options);
    const message = decoder.message(type, root, "") ?? null;
    return {
      message,
      diagnostics: sink.diagnostics,
      unknownFields: decoder.unknownFields,
      sources: [{ source, root }],
    };
  }

  private decodeFile(typeName: string, input: BytesInput, options: DecodeOptions): DecodedText {
    const source = { file: input.file, line: 1, column: 1 };
    const decoded = this.decodeBinary(typeName, input.bytes);
    const problems = [...decoded.diagnostics];
    if (options.unknownFields === "error")
      problems.push(...decoded.unknownFields.map(unknownField));
    const diagnostics = problems.map((diagnostic) => ({ ...diagnostic, source }));
    return { ...decoded, diagnostics, sources: [] };
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

function unknownField(path: string): Diagnostic {
  const remedy = "it may belong to a newer API";
  return { severity: "error", path, message: "Unknown field number", remedy };
}

function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}
