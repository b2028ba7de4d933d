/** Compiles format strings with the command table. Envoy: `SubstitutionFormatStringUtils`. */
import { toByteString } from "../../base/byte-string.ts";
import type { CompileContext } from "../../config/compile-context.ts";
import type { FormatOptions, FormatParser, Formatter } from "../../route/formatter.ts";
import { DEFAULT_FORMAT } from "../common/access-log/line-logger.ts";
import { DefaultFormat } from "./default-format.ts";
import { type ParsedFormat, parseFormat } from "./format-grammar.ts";
import {
  isSingleCommand,
  JsonFormat,
  type JsonPiece,
  TextPiece,
  TypedPiece,
} from "./json-format.ts";
import { quoteJson } from "./json-text.ts";
import type { OperatorServices } from "./operator.ts";
import { OPERATORS } from "./operators.ts";
import { ConstantFormat, TextFormat } from "./text-format.ts";

export class SubstitutionFormatParser implements FormatParser {
  private readonly services: OperatorServices;

  constructor(services: OperatorServices) {
    this.services = services;
  }

  parseText(text: string, options: FormatOptions, context: CompileContext): Formatter | null {
    if (text === DEFAULT_FORMAT && !options.omitEmptyValues) return new DefaultFormat();
    const parsed = parseFormat(text, OPERATORS, this.services, context);
    return parsed === null ? null : textFormat(parsed, options);
  }

  parseJson(format: object, options: FormatOptions, context: CompileContext): Formatter | null {
    const builder = new JsonFormatBuilder(this.services, options);
    builder.add(format, context);
    return builder.build();
  }
}

function textFormat(parsed: ParsedFormat, options: FormatOptions): Formatter {
  if (parsed.commands.length === 0) return new ConstantFormat(parsed.literals[0]!);
  return new TextFormat(parsed, options.omitEmptyValues ? "" : "-");
}

/** Writes JSON with holes. */
class JsonFormatBuilder {
  private readonly services: OperatorServices;
  private readonly options: FormatOptions;
  private readonly literals: string[] = [];
  private readonly pieces: JsonPiece[] = [];
  private literal = "";
  private failed = false;

  constructor(services: OperatorServices, options: FormatOptions) {
    this.services = services;
    this.options = options;
  }

  build(): Formatter | null {
    this.literals.push(`${this.literal}\n`);
    return this.failed ? null : new JsonFormat(this.literals, this.pieces);
  }

  add(value: unknown, context: CompileContext): void {
    if (typeof value === "string") this.addText(value, context);
    else if (Array.isArray(value)) this.addList(value, context);
    else if (typeof value === "object" && value !== null) this.addObject(value, context);
    else this.literal += JSON.stringify(value);
  }

  private addObject(value: object, context: CompileContext): void {
    this.literal += "{";
    const entries = Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
    for (const [index, [key, member]] of entries.entries()) {
      this.literal += `${index === 0 ? "" : ","}${quoteJson(toByteString(key))}:`;
      this.add(member, context.at(key));
    }
    this.literal += "}";
  }

  private addList(values: readonly unknown[], context: CompileContext): void {
    this.literal += "[";
    for (const [index, value] of values.entries()) {
      if (index > 0) this.literal += ",";
      this.add(value, context.at(String(index)));
    }
    this.literal += "]";
  }

  private addText(text: string, context: CompileContext): void {
    const parsed = parseFormat(text, OPERATORS, this.services, context);
    if (parsed === null) this.failed = true;
    else if (parsed.commands.length === 0) this.literal += quoteJson(parsed.literals[0]!);
    else this.addPiece(this.piece(parsed));
  }

  private piece(parsed: ParsedFormat): JsonPiece {
    if (!isSingleCommand(parsed)) return new TextPiece(textFormat(parsed, this.options));
    return new TypedPiece(parsed.commands[0]!);
  }

  private addPiece(piece: JsonPiece): void {
    this.literals.push(this.literal);
    this.literal = "";
    this.pieces.push(piece);
  }
}

function compareBytes(a: string, b: string): number {
  const left = toByteString(a);
  const right = toByteString(b);
  return left < right ? -1 : Number(left > right);
}
