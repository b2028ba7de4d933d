// hot: per request
/**
 * A JSON format, compiled to raw pieces of JSON between commands. A string that is one command
 * alone keeps the command's type; other strings are texts. Keys are in alphabetical order. Envoy:
 * `JsonFormatterImpl` (source/common/formatter/substitution_formatter.cc).
 */
import type { Formatter, FormatterContext } from "../../route/formatter.ts";
import type { Command } from "./command.ts";
import type { ParsedFormat } from "./format-grammar.ts";
import { quoteJson } from "./json-text.ts";

/** A piece that depends on the stream. */
export interface JsonPiece {
  json(context: FormatterContext): string;
}

/** One command alone; a missing value is null. */
export class TypedPiece implements JsonPiece {
  private readonly command: Command;

  constructor(command: Command) {
    this.command = command;
  }

  json(context: FormatterContext): string {
    return this.command.json(context) ?? "null";
  }
}

/** Text with commands in it. */
export class TextPiece implements JsonPiece {
  private readonly format: Formatter;

  constructor(format: Formatter) {
    this.format = format;
  }

  json(context: FormatterContext): string {
    return quoteJson(this.format.format(context));
  }
}

export class JsonFormat implements Formatter {
  private readonly first: string;
  private readonly pieces: readonly JsonPiece[];
  private readonly literals: readonly string[];

  constructor(literals: readonly string[], pieces: readonly JsonPiece[]) {
    this.first = literals[0]!;
    this.literals = literals.slice(1);
    this.pieces = pieces;
  }

  format(context: FormatterContext): string {
    const { pieces, literals } = this;
    let line = this.first;
    for (let index = 0; index < pieces.length; index++)
      line += pieces[index]!.json(context) + literals[index]!;
    return line;
  }
}

/** True when the text is one command and nothing else. */
export function isSingleCommand(format: ParsedFormat): boolean {
  return format.commands.length === 1 && format.literals[0] === "" && format.literals[1] === "";
}
