/**
 * The grammar of format strings: text, `%%`, and `%COMMAND(parameters):length%`. Envoy:
 * `SubstitutionFormatParser::parse` (source/common/formatter/substitution_formatter.cc).
 */
import { toByteString } from "../../base/byte-string.ts";
import { nearestName } from "../../base/nearest-name.ts";
import type { CompileContext } from "../../config/compile-context.ts";
import { type Command, TruncatedCommand } from "./command.ts";
import type { Operator, OperatorServices, OperatorTable } from "./operator.ts";

/** Literals and commands in turn: one literal more than commands. */
export interface ParsedFormat {
  /** Bytes. */
  readonly literals: readonly string[];
  readonly commands: readonly Command[];
}

const COMMAND = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/sy;

/** Null after reporting what is wrong. */
export function parseFormat(
  text: string,
  operators: OperatorTable,
  services: OperatorServices,
  context: CompileContext,
): ParsedFormat | null {
  const literals: string[] = [];
  const commands: Command[] = [];
  let literal = "";
  let failed = false;
  for (let at = 0; at < text.length; ) {
    const percent = text.indexOf("%", at);
    literal += percent < 0 ? text.slice(at) : text.slice(at, percent);
    if (percent < 0) break;
    if (text[percent + 1] === "%") {
      literal += "%";
      at = percent + 2;
      continue;
    }
    COMMAND.lastIndex = percent;
    const match = COMMAND.exec(text);
    if (match === null) return reportIncomplete(text.slice(percent), context);
    at = percent + match[0].length;
    const [, name = "", parameters, length] = match;
    const use = { name, parameters, length: length === undefined ? undefined : Number(length) };
    const command = createCommand(use, operators, services, context);
    if (command === null) failed = true;
    else commands.push(command);
    literals.push(toByteString(literal));
    literal = "";
  }
  literals.push(toByteString(literal));
  return failed ? null : { literals, commands };
}

function reportIncomplete(rest: string, context: CompileContext): null {
  const shown = rest.length > 40 ? `${rest.slice(0, 40)}…` : rest;
  return context.error(
    `Not a command: ${shown}`,
    "write %COMMAND%, %COMMAND(parameters)% or %COMMAND(parameters):length%, and %% for a percent sign",
  );
}

/** A command as written. */
export interface CommandUse {
  readonly name: string;
  /** Undefined without parentheses. */
  readonly parameters: string | undefined;
  readonly length: number | undefined;
}

/** Null after reporting what is wrong. */
export function createCommand(
  use: CommandUse,
  operators: OperatorTable,
  services: OperatorServices,
  context: CompileContext,
): Command | null {
  const { name, parameters = "", length } = use;
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (operator === undefined) return reportUnknown(name, operators, context);
  if (!takes(operator, use, context)) return null;
  const command = operator.create({ name, parameters, services, context });
  if (command === null || length === undefined) return command;
  return new TruncatedCommand(command, length);
}

const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  CEL: "CEL expressions are not supported: use a command that reads the value itself",
  TYPED_CEL: "CEL expressions are not supported: use a command that reads the value itself",
  XFCC_VALUE: "use REQUEST_HEADER(X-FORWARDED-CLIENT-CERT)",
};

function reportUnknown(name: string, operators: OperatorTable, context: CompileContext): null {
  const nearest = nearestName(name, Object.keys(operators));
  const remedy =
    NOT_SUPPORTED[name] ??
    (nearest === null ? "remove it, or write %% for a percent sign" : `use %${nearest}%`);
  return context.error(`Unknown command %${name}%`, remedy);
}

function takes(operator: Operator, use: CommandUse, context: CompileContext): boolean {
  const { name, parameters, length } = use;
  if (parameters !== undefined && operator.parameters === "none") {
    context.error(`%${name}% takes no parameters`, `write %${name}%`);
  } else if ((parameters ?? "") === "" && operator.parameters === "required") {
    context.error(`%${name}% needs parameters`, `write %${name}(…)%`);
  } else if (length !== undefined && !operator.truncates) {
    context.error(`%${name}% takes no length`, `remove :${length}`);
  } else return true;
  return false;
}
