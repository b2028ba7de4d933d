/**
 * `--log-format`: the placeholders of spdlog's pattern formatter, compiled once. Times are UTC. We
 * know no source positions: %g, %s and %! print "-", %# prints 0 and %@ "-:0". Envoy:
 * Logger::Context, spdlog pattern_formatter.
 */
import { LOG_LEVELS } from "./log-level.ts";

/** Everything a line can show. */
export interface LogRecord {
  /** Wall clock, ms since 1970, with fractions. */
  readonly timeMs: number;
  readonly level: number;
  readonly component: string;
  readonly message: string;
}

/** What does not change between lines. */
export interface LogIdentity {
  readonly processId: number;
  readonly threadId: number;
}

/** Envoy's default without the source position. */
export const DEFAULT_LOG_FORMAT = "[%Y-%m-%d %T.%e][%t][%l][%n] %v";

type Part = (record: LogRecord, date: Date, identity: LogIdentity) => string;

/** A compiled pattern. */
export class LogFormat {
  readonly #parts: readonly Part[];
  readonly #identity: LogIdentity;

  constructor(parts: readonly Part[], identity: LogIdentity) {
    this.#parts = parts;
    this.#identity = identity;
  }

  /** One line without its end. */
  format(record: LogRecord): string {
    const date = new Date(record.timeMs);
    let line = "";
    for (const part of this.#parts) line += part(record, date, this.#identity);
    return line;
  }
}

/** The compiled pattern, or a sentence about the first placeholder that does not exist. */
export function compileLogFormat(pattern: string, identity: LogIdentity): LogFormat | string {
  const parts: Part[] = [];
  let at = 0;
  for (const match of pattern.matchAll(/%([-=]?)(\d*)([\s\S]?)/g)) {
    const [whole, alignment = "", width = "", letter = ""] = match;
    const part = PLACEHOLDERS[letter];
    if (part === undefined) return `Unknown placeholder ${whole} in the log format`;
    parts.push(literal(pattern.slice(at, match.index)));
    parts.push(width === "" ? part : padded(part, Number(width), alignment));
    at = match.index + whole.length;
  }
  parts.push(literal(pattern.slice(at)));
  return new LogFormat(parts, identity);
}

function literal(text: string): Part {
  return () => text;
}

/** `%8l` right, `%-8l` left, `%=8l` centred; longer values are not cut. */
function padded(part: Part, width: number, alignment: string): Part {
  return (record, date, identity) => {
    const text = part(record, date, identity);
    if (alignment === "-") return text.padEnd(width);
    if (alignment === "") return text.padStart(width);
    return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
  };
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ["January", "February", "March", "April", "May", "June"],
  ["July", "August", "September", "October", "November", "December"],
].flat();

function digits(value: number, count: number): string {
  return `${value}`.padStart(count, "0");
}

const year: Part = (_, date) => `${date.getUTCFullYear()}`;
const year2: Part = (_, date) => digits(date.getUTCFullYear() % 100, 2);
const month: Part = (_, date) => digits(date.getUTCMonth() + 1, 2);
const day: Part = (_, date) => digits(date.getUTCDate(), 2);
const hour: Part = (_, date) => digits(date.getUTCHours(), 2);
const hour12: Part = (_, date) => digits(((date.getUTCHours() + 11) % 12) + 1, 2);
const minute: Part = (_, date) => digits(date.getUTCMinutes(), 2);
const second: Part = (_, date) => digits(date.getUTCSeconds(), 2);
const halfDay: Part = (_, date) => (date.getUTCHours() < 12 ? "AM" : "PM");
const dayName: Part = (_, date) => DAYS[date.getUTCDay()] ?? "";
const monthName: Part = (_, date) => MONTHS[date.getUTCMonth()] ?? "";
const unknownSource: Part = () => "-";

function sequence(...pieces: readonly (Part | string)[]): Part {
  return (record, date, identity) => {
    let text = "";
    for (const piece of pieces) {
      text += typeof piece === "string" ? piece : piece(record, date, identity);
    }
    return text;
  };
}

/** The fraction of the second, in 10^-count s. */
function fraction(count: number): Part {
  return ({ timeMs }) => {
    const ms = timeMs - Math.floor(timeMs / 1000) * 1000;
    return digits(Math.floor(ms * 10 ** (count - 3)), count);
  };
}

const clock = sequence(hour, ":", minute, ":", second);
const shortDate = sequence(month, "/", day, "/", year2);
const shortDay: Part = (record, date, identity) => dayName(record, date, identity).slice(0, 3);
const shortMonth: Part = (record, date, identity) => monthName(record, date, identity).slice(0, 3);
const level: Part = (record) => LOG_LEVELS[record.level] ?? "";

const PLACEHOLDERS: Readonly<Record<string, Part>> = {
  v: (record) => record.message,
  _: (record) => record.message.replaceAll("\n", "\\n"),
  j: (record) => JSON.stringify(record.message).slice(1, -1),
  n: (record) => record.component,
  l: level,
  L: (record) => (LOG_LEVELS[record.level] ?? "").slice(0, 1).toUpperCase(),
  t: (_record, _date, identity) => `${identity.threadId}`,
  P: (_record, _date, identity) => `${identity.processId}`,
  Y: year,
  C: year2,
  m: month,
  d: day,
  H: hour,
  I: hour12,
  M: minute,
  S: second,
  e: fraction(3),
  f: fraction(6),
  F: fraction(9),
  p: halfDay,
  T: clock,
  X: clock,
  R: sequence(hour, ":", minute),
  r: sequence(hour12, ":", minute, ":", second, " ", halfDay),
  D: shortDate,
  x: shortDate,
  a: shortDay,
  A: dayName,
  b: shortMonth,
  h: shortMonth,
  B: monthName,
  c: sequence(
    shortDay,
    " ",
    shortMonth,
    " ",
    (_, date) => `${date.getUTCDate()}`.padStart(2),
    " ",
    clock,
    " ",
    year,
  ),
  z: () => "+00:00",
  E: ({ timeMs }) => `${Math.floor(timeMs / 1000)}`,
  g: unknownSource,
  s: unknownSource,
  "!": unknownSource,
  "#": () => "0",
  "@": () => "-:0",
  "%": () => "%",
  "^": () => "",
  $: () => "",
};
