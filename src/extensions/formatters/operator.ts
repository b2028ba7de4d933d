/**
 * An entry of the command table: what it may be given, and how it becomes a command. Envoy:
 * `CommandSyntaxChecker` (source/common/formatter/substitution_format_utility.h).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { HostEnvironment } from "../../platform/host-environment.ts";
import type { RandomGenerator } from "../../platform/random.ts";
import {
  type Command,
  NumberCommand,
  type NumberReader,
  TextCommand,
  type TextReader,
  ValueCommand,
  type ValueReader,
} from "./command.ts";

/** The world as commands see it. */
export interface OperatorServices {
  readonly host: HostEnvironment;
  readonly time: { wallMs(): number };
  readonly random: RandomGenerator;
}

/** One use of an operator in a format string. */
export interface OperatorCall {
  readonly name: string;
  /** Between the parentheses; "" when there are none. */
  readonly parameters: string;
  readonly services: OperatorServices;
  readonly context: CompileContext;
}

export interface Operator {
  readonly parameters: "none" | "optional" | "required";
  /** `:N` may follow. */
  readonly truncates: boolean;
  /** Null after reporting bad parameters. */
  create(call: OperatorCall): Command | null;
}

export type OperatorTable = Readonly<Record<string, Operator>>;

export function textOperator(read: TextReader): Operator {
  return { parameters: "none", truncates: false, create: () => new TextCommand(read) };
}

export function numberOperator(read: NumberReader): Operator {
  return { parameters: "none", truncates: false, create: () => new NumberCommand(read) };
}

/** Parameters are required, `:N` may follow. `prepare` gives null after reporting. */
export function textWithParameters(prepare: (call: OperatorCall) => TextReader | null): Operator {
  return {
    parameters: "required",
    truncates: true,
    create: (call) => {
      const read = prepare(call);
      return read === null ? null : new TextCommand(read);
    },
  };
}

/** As `textWithParameters`, for JSON values. */
export function valueWithParameters(prepare: (call: OperatorCall) => ValueReader | null): Operator {
  return {
    parameters: "required",
    truncates: true,
    create: (call) => {
      const read = prepare(call);
      return read === null ? null : new ValueCommand(read);
    },
  };
}
