/**
 * Levels as text: `--log-level`, `--component-log-level`, and the admin page `/logging`, with
 * Envoy's wording. Envoy: OptionsImpl::parseComponentLogLevels, Server::LogsHandler.
 */
import { isLogComponent, type LogComponent } from "./log-components.ts";
import { LOG_LEVELS, parseLogLevel } from "./log-level.ts";
import type { LoggerRegistry } from "./logger.ts";

export type ComponentLevels = readonly (readonly [LogComponent, number])[];

/** `upstream:debug,connection:trace`; a string is what is wrong with it. "" is an empty list. */
export function parseComponentLevels(text: string): ComponentLevels | string {
  const levels: (readonly [LogComponent, number])[] = [];
  if (text === "") return levels;
  for (const item of text.split(",")) {
    const [component = "", name = "", ...more] = item.split(":");
    if (name === "" || more.length > 0) {
      return `component log level not correctly specified '${item}'`;
    }
    const level = parseLogLevel(name);
    if (level < 0) return `invalid log level specified '${name}'`;
    if (!isLogComponent(component)) return `invalid component specified '${component}'`;
    levels.push([component, level]);
  }
  return levels;
}

/** The answer of POST /logging. */
export interface LoggingAnswer {
  readonly status: 200 | 400;
  readonly body: string;
}

/** Lists the loggers, after changing what the query (`level=`, `paths=`, `<logger>=`) asks for. */
export function answerLogging(
  loggers: LoggerRegistry,
  query: readonly (readonly [name: string, value: string])[],
): LoggingAnswer {
  const problem = changeLevels(loggers, query);
  const list = activeLoggers(loggers);
  if (problem === null) return { status: 200, body: list };
  return { status: 400, body: `error: ${problem}\n\n${USAGE}${list}` };
}

const USAGE = [
  "usage: /logging?<name>=<level> (change single level)",
  "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)",
  "usage: /logging?level=<level> (change all levels)",
  `levels: ${LOG_LEVELS.join(" ")} `,
  "",
].join("\n");

/** Null, or what is wrong; nothing is changed then. */
function changeLevels(
  loggers: LoggerRegistry,
  query: readonly (readonly [name: string, value: string])[],
): string | null {
  if (query.length > 1) return "invalid number of parameters";
  const [name, value] = query[0] ?? ["", ""];
  // The admin page's form sends empty fields for what is not to be changed.
  if (query.length === 0 || (value === "" && (name === "level" || name === "paths"))) return null;
  if (name === "paths") return changeSeveral(loggers, value);
  const level = parseLogLevel(value);
  if (level < 0) return "unknown logger level";
  if (name !== "level") return changeSeveral(loggers, `${name}:${value}`);
  loggers.setAllLevels(level);
  return null;
}

function changeSeveral(loggers: LoggerRegistry, list: string): string | null {
  const levels: (readonly [LogComponent, number])[] = [];
  for (const item of list.split(",").filter((text) => text !== "")) {
    const colon = item.indexOf(":");
    const component = item.slice(0, Math.max(0, colon));
    const name = item.slice(colon + 1);
    if (component === "" || name === "") return "empty logger name or empty logger level";
    const level = parseLogLevel(name);
    if (level < 0) return "unknown logger level";
    if (!isLogComponent(component)) return "unknown logger name";
    levels.push([component, level]);
  }
  loggers.setLevels(levels);
  return null;
}

function activeLoggers(loggers: LoggerRegistry): string {
  const lines = loggers
    .levels()
    .map(([component, level]) => `  ${component}: ${LOG_LEVELS[level]}`);
  return `active loggers:\n${lines.join("\n")}\n\n`;
}
