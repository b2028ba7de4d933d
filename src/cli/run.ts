/** `outrigger run` and `outrigger -c`: serve until told to stop. */
import { compileLogFormat, DEFAULT_LOG_FORMAT } from "../log/log-format.ts";
import { parseLogLevel } from "../log/log-level.ts";
import { LoggerRegistry } from "../log/logger.ts";
import { parseComponentLevels } from "../log/logging-page.ts";
import { Server, type ServerOptions } from "../server/server.ts";
import type { CommandContext } from "./command-context.ts";
import type { ParsedOptions } from "./options.ts";
import { concurrencyWarning, serverOptions } from "./server-options.ts";
import { type RunOptions, Serving } from "./serving.ts";

const DEFAULT_LOG_PATH = "/dev/stderr";

/** Resolves with the exit code when the proxy has ended. */
export async function runCommand(
  options: ParsedOptions,
  context: CommandContext,
  run: RunOptions,
): Promise<number> {
  const processors = context.threads?.parallelism() ?? 1;
  const compiled = serverOptions(options, processors);
  if ("problem" in compiled) return usage(context, compiled.problem);
  const loggers = createLoggers(options, context);
  if (typeof loggers === "string") return usage(context, loggers);
  const warning = concurrencyWarning(compiled.dataPlanes, processors);
  if (warning !== null) loggers.get("main").warn(warning);
  const loader = await context.createLoader("child");
  const serverOf = { ...compiled, ...planeThreads(options, context) };
  const server = new Server(context.platform, loader, loggers, serverOf);
  return new Serving(server, loggers, context, options, run).serve();
}

/** Worker threads write the log where this thread does. */
function planeThreads(
  options: ParsedOptions,
  { threads, processId }: CommandContext,
): Pick<ServerOptions, "threads"> {
  if (threads === undefined) return {};
  const log = {
    path: options.get("--log-path") ?? DEFAULT_LOG_PATH,
    format: options.get("--log-format") ?? DEFAULT_LOG_FORMAT,
    processId,
    turn: threads.writeTurn,
  };
  return { threads: { ...threads, log } };
}

/** The loggers, or what is wrong with the flags. */
function createLoggers(options: ParsedOptions, context: CommandContext): LoggerRegistry | string {
  const level = parseLogLevel(envoyLevels(options.get("--log-level") ?? "info"));
  if (level < 0) return `Unknown log level ${options.get("--log-level")}`;
  const identity = { processId: context.processId, threadId: context.processId };
  const format = compileLogFormat(options.get("--log-format") ?? DEFAULT_LOG_FORMAT, identity);
  if (typeof format === "string") return format;
  const path = options.get("--log-path") ?? DEFAULT_LOG_PATH;
  const problem = context.platform.host.appendProblem(path);
  if (problem !== null) return `Cannot write the log to ${path}: ${problem}`;
  const sink = context.openLogSink(path);
  const loggers = new LoggerRegistry(context.platform.time, sink, format, level);
  const components = parseComponentLevels(envoyLevels(options.get("--component-log-level") ?? ""));
  if (typeof components === "string") return components;
  loggers.setLevels(components);
  return loggers;
}

/** The command line, and only it, has a short name for a level. Envoy: parseAndValidateLogLevel. */
function envoyLevels(text: string): string {
  return text.replace(/\bwarn$|:warn(?=,)/g, (name) => `${name}ing`);
}

function usage(context: CommandContext, message: string): number {
  context.stderr(`outrigger: ${message}\nTry: outrigger --help\n`);
  return 2;
}
