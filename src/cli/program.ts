/**
 * The command line: which command, with which options. `outrigger -c FILE` behaves as `envoy -c
 * FILE` does. Exit codes: 0 done, 1 configuration or start failed, 2 wrong arguments.
 */
import { nearestName } from "../base/nearest-name.ts";
import type { CommandContext } from "./command-context.ts";
import { commandHelp, mainHelp } from "./help.ts";
import { FLAG_NAMES, type ParsedOptions, parseOptions } from "./options.ts";
import { runCommand } from "./run.ts";
import { validateCommand } from "./validate.ts";
import { versionText } from "./version.ts";

export const COMMANDS = ["run", "validate", "version", "bench", "help"] as const;
export type CommandName = (typeof COMMANDS)[number];

/** Resolves with the exit code. */
export async function main(args: readonly string[], context: CommandContext): Promise<number> {
  const [first = ""] = args;
  if (first === "") return print(context, mainHelp());
  if (first === "help") return print(context, commandHelp(args[1] ?? ""));
  const command = COMMANDS.find((name) => name === first);
  if (command === "bench") return context.runBench(args.slice(1));
  if (command === undefined && !first.startsWith("-")) return unknownCommand(first, context);
  const parsed = parseOptions(command === undefined ? args : args.slice(1));
  if ("unknown" in parsed) return unknownFlag(parsed.unknown, context);
  if ("valueless" in parsed) return fail(context, `Flag ${parsed.valueless} needs a value`);
  const { options } = parsed;
  if (options.has("--help"))
    return print(context, command === undefined ? mainHelp() : commandHelp(command));
  if (options.has("--version") || command === "version")
    return print(context, versionText(context));
  const [stray] = options.positional;
  if (stray !== undefined)
    return fail(context, `Unexpected argument ${stray}; configuration files are given with -c`);
  return dispatch(command, options, context);
}

function dispatch(
  command: CommandName | undefined,
  options: ParsedOptions,
  context: CommandContext,
): Promise<number> | number {
  if (options.all("--config-path").length === 0 && !options.has("--config-yaml")) {
    return fail(
      context,
      "No configuration: give a file with -c FILE, for example one of examples/ in the repository",
    );
  }
  const mode = options.get("--mode") ?? "serve";
  const format = options.get("--format") ?? "text";
  if (format !== "text" && format !== "json")
    return fail(context, `Unknown format ${format}; use text or json`);
  if (command === "validate" || mode === "validate") return validateCommand(options, context);
  if (mode !== "serve" && mode !== "init_only")
    return fail(context, `Unknown mode ${mode}; use serve, validate or init_only`);
  return runCommand(options, context, {
    convenience: command === "run",
    initOnly: mode === "init_only",
  });
}

function unknownCommand(name: string, context: CommandContext): number {
  const nearest = nearestName(name, COMMANDS);
  return fail(
    context,
    `Unknown command ${name}${nearest === null ? "" : `; did you mean ${nearest}?`}`,
  );
}

function unknownFlag(name: string, context: CommandContext): number {
  const nearest = nearestName(name, FLAG_NAMES);
  return fail(
    context,
    `Unknown flag ${name}${nearest === null ? "" : `; did you mean ${nearest}?`}`,
  );
}

function print(context: CommandContext, text: string): number {
  context.stdout(text);
  return 0;
}

function fail(context: CommandContext, message: string): number {
  context.stderr(`outrigger: ${message}\nTry: outrigger --help\n`);
  return 2;
}
