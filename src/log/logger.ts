/**
 * Loggers by component, each with its own level. A message may be a function: it runs only when the
 * line is written. On busy paths ask isEnabled() first, so that not even the closure is made.
 * Envoy: Logger::Registry.
 */
import type { TimeSource } from "../platform/time.ts";
import { LOG_COMPONENTS, type LogComponent } from "./log-components.ts";
import type { LogFormat } from "./log-format.ts";
import { CRITICAL, DEBUG, ERROR, INFO, LOG_LEVELS, TRACE, WARNING } from "./log-level.ts";

/** Takes one complete line, its end included. Must not throw. */
export type LogSink = (line: string) => void;

export type LogMessage = string | (() => string);

/** Writes the lines of one component. */
export class Logger {
  readonly component: LogComponent;
  /** Index into LOG_LEVELS; lines below it are not written. */
  level: number;
  readonly #write: (component: LogComponent, level: number, message: string) => void;

  constructor(
    component: LogComponent,
    level: number,
    write: (component: LogComponent, level: number, message: string) => void,
  ) {
    this.component = component;
    this.level = level;
    this.#write = write;
  }

  isEnabled(level: number): boolean {
    return level >= this.level;
  }

  trace(message: LogMessage): void {
    this.log(TRACE, message);
  }

  debug(message: LogMessage): void {
    this.log(DEBUG, message);
  }

  info(message: LogMessage): void {
    this.log(INFO, message);
  }

  warn(message: LogMessage): void {
    this.log(WARNING, message);
  }

  error(message: LogMessage): void {
    this.log(ERROR, message);
  }

  critical(message: LogMessage): void {
    this.log(CRITICAL, message);
  }

  log(level: number, message: LogMessage): void {
    if (level < this.level) return;
    this.#write(this.component, level, typeof message === "string" ? message : message());
  }
}

/** All loggers of one thread. */
export class LoggerRegistry {
  readonly #time: TimeSource;
  readonly #sink: LogSink;
  readonly #format: LogFormat;
  readonly #loggers = new Map<LogComponent, Logger>();
  /** Called after levels changed, so that other threads can follow with setLevels(levels()). */
  onLevelsChange: (() => void) | null = null;

  constructor(time: TimeSource, sink: LogSink, format: LogFormat, level: number = INFO) {
    this.#time = time;
    this.#sink = sink;
    this.#format = format;
    const write = this.#writeLine.bind(this);
    for (const component of LOG_COMPONENTS) {
      this.#loggers.set(component, new Logger(component, level, write));
    }
  }

  get(component: LogComponent): Logger {
    return this.#loggers.get(component) as Logger;
  }

  setAllLevels(level: number): void {
    for (const logger of this.#loggers.values()) logger.level = level;
    this.onLevelsChange?.();
  }

  setLevels(levels: Iterable<readonly [LogComponent, number]>): void {
    for (const [component, level] of levels) this.get(component).level = level;
    this.onLevelsChange?.();
  }

  /** In the order of Envoy's /logging page. */
  levels(): readonly (readonly [LogComponent, number])[] {
    return [...this.#loggers.values()].map((logger) => [logger.component, logger.level] as const);
  }

  #writeLine(component: LogComponent, level: number, message: string): void {
    const record = { timeMs: this.#time.wallMs(), level, component, message };
    this.#sink(`${this.#format.format(record)}\n`);
  }
}

/** Says nothing: for tests, and for compiling configuration without running it. */
export function createSilentLogger(component: LogComponent = "misc"): Logger {
  return new Logger(component, LOG_LEVELS.indexOf("off"), () => {});
}
