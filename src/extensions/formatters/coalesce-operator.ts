// hot: per request
/**
 * `%COALESCE({"operators":["A",{"command":"B","param":"x","max_length":5}]})%`: the first value
 * that is there and not empty. Envoy: `CoalesceFormatter`
 * (source/common/formatter/coalesce_formatter.cc).
 */
import type { FormatterContext } from "../../route/formatter.ts";
import type { Command } from "./command.ts";
import { type CommandUse, createCommand } from "./format-grammar.ts";
import type { Operator, OperatorCall, OperatorTable } from "./operator.ts";

class CoalesceCommand implements Command {
  private readonly commands: readonly Command[];

  constructor(commands: readonly Command[]) {
    this.commands = commands;
  }

  text(context: FormatterContext): string | null {
    for (let index = 0; index < this.commands.length; index++) {
      const text = this.commands[index]!.text(context);
      if (text !== null && text !== "") return text;
    }
    return null;
  }

  json(context: FormatterContext): string | null {
    for (let index = 0; index < this.commands.length; index++) {
      const json = this.commands[index]!.json(context);
      if (json !== null && json !== '""' && json !== "null") return json;
    }
    return null;
  }
}

/** The table is asked for when a format is compiled: this operator is in it. */
export function coalesceOperator(operators: () => OperatorTable): Operator {
  return {
    parameters: "required",
    truncates: true,
    create: (call) => {
      const uses = parseUses(call);
      if (uses === null) return null;
      const commands = uses.map((use) =>
        createCommand(use, operators(), call.services, call.context),
      );
      return commands.includes(null) ? null : new CoalesceCommand(commands as Command[]);
    },
  };
}

const REMEDY = 'write {"operators":["COMMAND",{"command":"COMMAND","param":"…","max_length":1}]}';

function parseUses({ parameters, context }: OperatorCall): CommandUse[] | null {
  const entries = (parseJson(parameters) as { operators?: unknown } | null)?.operators;
  if (!Array.isArray(entries) || entries.length === 0) {
    return context.error("COALESCE needs a list of operators as JSON", REMEDY);
  }
  const uses = entries.map(parseUse);
  return uses.includes(null)
    ? context.error("COALESCE has an operator of unknown form", REMEDY)
    : (uses as CommandUse[]);
}

function parseUse(entry: unknown): CommandUse | null {
  if (typeof entry === "string") return { name: entry, parameters: undefined, length: undefined };
  const { command, param, max_length: length } = (entry ?? {}) as Record<string, unknown>;
  const valid =
    typeof command === "string" &&
    (param === undefined || typeof param === "string") &&
    (length === undefined || (Number.isInteger(length) && (length as number) > 0));
  return valid ? { name: command, parameters: param, length: length as number | undefined } : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
