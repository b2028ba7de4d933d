// hot: per request
/** A text format, compiled: literals and commands in turn. Envoy: `FormatterImpl`. */
import type { Formatter, FormatterContext } from "../../route/formatter.ts";
import type { Command } from "./command.ts";
import type { ParsedFormat } from "./format-grammar.ts";

/** Text alone. */
export class ConstantFormat implements Formatter {
  private readonly bytes: string;

  constructor(bytes: string) {
    this.bytes = bytes;
  }

  format(_context: FormatterContext): string {
    return this.bytes;
  }
}

export class TextFormat implements Formatter {
  private readonly first: string;
  private readonly commands: readonly Command[];
  /** What follows each command. */
  private readonly literals: readonly string[];
  /** Stands for a missing value. */
  private readonly missing: string;

  constructor(format: ParsedFormat, missing: string) {
    this.first = format.literals[0]!;
    this.literals = format.literals.slice(1);
    this.commands = format.commands;
    this.missing = missing;
  }

  format(context: FormatterContext): string {
    const { commands, literals, missing } = this;
    let line = this.first;
    for (let index = 0; index < commands.length; index++) {
      line += (commands[index]!.text(context) ?? missing) + literals[index]!;
    }
    return line;
  }
}
