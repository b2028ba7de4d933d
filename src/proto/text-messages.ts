/**
 * YAML and JSON texts → plain messages, with places. Apart from `messages.ts`, since only the
 * configuration child pays for parsers.
 */
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import { DiagnosticSink } from "./diagnostic-sink.ts";
import { foreignDocument } from "./foreign-document.ts";
import { type LocatedSource, locatePath } from "./locate.ts";
import { mergeMessages } from "./merge.ts";
import { loadRegistry } from "./message-registry.ts";
import type { MessageType } from "./message-type.ts";
import { hasErrors, Messages } from "./messages.ts";
import { NodeDecoder, type NodeDecoderOptions } from "./node-decoder.ts";
import { type ParsedSource, SourceText } from "./source-node.ts";
import { parseQuickly, SourceParser } from "./source-parser.ts";

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

interface ParsedText {
  readonly source: SourceText;
  readonly parsed: ParsedSource;
}

/** `Messages` that also read YAML and JSON. */
export class TextMessages extends Messages {
  private readonly parser = new SourceParser();
  /** Texts that `prepare` already parsed. */
  private readonly parsed = new WeakMap<TextInput, ParsedText>();

  /**
   * Loads the complete YAML parser (10 MB) if one of the texts needs it, or in any case when called
   * without texts. To be awaited before the texts are decoded.
   */
  async prepare(inputs?: readonly (TextInput | BytesInput)[]): Promise<void> {
    if (this.parser.hasCompleteYaml) return;
    for (const input of inputs ?? []) {
      if (!("text" in input)) continue;
      const source = new SourceText(input.file, input.text);
      const parsed = parseQuickly(source);
      if (parsed === null) await this.parser.loadCompleteYaml();
      else this.parsed.set(input, { source, parsed });
    }
    if (inputs === undefined) await this.parser.loadCompleteYaml();
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
    const parsed = this.parse(input);
    const decoded = this.decodeParsed(type, parsed, options);
    if (!hasErrors(decoded.diagnostics)) return decoded;
    const foreign = foreignDocument(parsed.source);
    return foreign === null ? decoded : { ...decoded, message: null, diagnostics: [foreign] };
  }

  private decodeParsed(
    type: MessageType,
    { source, parsed: { root, diagnostics } }: ParsedText,
    options: DecodeOptions,
  ): DecodedText {
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

  private parse(input: TextInput): ParsedText {
    const known = this.parsed.get(input);
    if (known !== undefined) return known;
    const source = new SourceText(input.file, input.text);
    return { source, parsed: this.parser.parse(source) };
  }

  private decodeFile(typeName: string, input: BytesInput, options: DecodeOptions): DecodedText {
    const source = { file: input.file, line: 1, column: 1 };
    const decoded = this.decodeBinary(typeName, input.bytes);
    const problems = [...decoded.diagnostics];
    if (options.unknownFields === "error")
      problems.push(...decoded.unknownFields.map(unknownField));
    const diagnostics = problems.map((diagnostic) => ({
      ...diagnostic,
      remedy: diagnostic.remedy || `the file must be a binary ${typeName}`,
      source,
    }));
    return { ...decoded, diagnostics, sources: [] };
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

/** Before the first text: `prepare`. */
export async function loadTextMessages(): Promise<TextMessages> {
  return new TextMessages(await loadRegistry());
}

function unknownField(path: string): Diagnostic {
  const remedy = "it may belong to a newer API";
  return { severity: "error", path, message: "Unknown field number", remedy };
}
