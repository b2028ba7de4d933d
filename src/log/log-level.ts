/** Severity of log lines, in Envoy's words (spdlog levels). */

export type LogLevel = "trace" | "debug" | "info" | "warning" | "error" | "critical" | "off";

/** Ascending; the index is the number that loggers compare. */
export const LOG_LEVELS: readonly LogLevel[] = [
  "trace",
  "debug",
  "info",
  "warning",
  "error",
  "critical",
  "off",
];

export const TRACE = 0;
export const DEBUG = 1;
export const INFO = 2;
export const WARNING = 3;
export const ERROR = 4;
export const CRITICAL = 5;

/** The number of a level's name; −1 when there is no such level. Names are exact, as in Envoy. */
export function parseLogLevel(name: string): number {
  return (LOG_LEVELS as readonly string[]).indexOf(name);
}
