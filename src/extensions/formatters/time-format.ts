// hot: per request
/**
 * Points in time as text: strftime with `%s` (seconds since 1970), `%f` and `%1f` … `%9f`
 * (fraction of a second) and the `%E…` forms of absl::FormatTime. Everything that stays the same
 * for a second is rendered once per second. Envoy: `DateFormatter`
 * (source/common/common/utility.h).
 */

/** A point in time taken apart, in the zone asked for. */
interface Fields {
  readonly second: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly secondOfMinute: number;
  readonly weekday: number;
  readonly yearDay: number;
  readonly offsetMinutes: number;
}

type FieldText = (fields: Fields) => string;

/** Minutes that local time is ahead of UTC at a wall time in ms. */
export type UtcOffset = (wallMs: number) => number;

/** `%Y-%m-%dT%H:%M:%E3SZ` */
export const ISO_FORMAT = "%Y-%m-%dT%H:%M:%E3SZ";

const NANOS_DIGITS = 9;

export class TimeFormat {
  /** Text pieces, per second; between them stand fractions. */
  private readonly groups: readonly (readonly (string | FieldText)[])[];
  /** Digits of the fraction after each group but the last; 0: as many as it takes. */
  private readonly fractions: readonly number[];
  private readonly offset: UtcOffset | null;
  private second = Number.NaN;
  private readonly texts: string[];

  /** `offset` null: UTC. The format must be valid: see `invalidTimeSpecifier`. */
  constructor(format: string, offset: UtcOffset | null) {
    const parsed = parseTimeFormat(format);
    this.groups = parsed.groups;
    this.fractions = parsed.fractions;
    this.offset = offset;
    this.texts = this.groups.map(() => "");
  }

  format(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) this.render(second);
    const { texts, fractions } = this;
    let text = texts[0]!;
    if (fractions.length === 0) return text;
    const rest = wallMs - second * 1000;
    for (let index = 0; index < fractions.length; index++) {
      text += fractionText(rest, fractions[index]!) + texts[index + 1]!;
    }
    return text;
  }

  private render(second: number): void {
    this.second = second;
    const fields = takeApart(second, this.offset === null ? 0 : this.offset(second * 1000));
    for (let group = 0; group < this.groups.length; group++) {
      let text = "";
      for (const piece of this.groups[group]!)
        text += typeof piece === "string" ? piece : piece(fields);
      this.texts[group] = text;
    }
  }
}

/** The first specifier that strftime does not know, or null. */
export function invalidTimeSpecifier(format: string): string | null {
  for (const [, specifier = ""] of format.matchAll(SPECIFIER)) {
    if (!isKnown(specifier)) return `%${specifier}`;
  }
  return null;
}

/** Milliseconds of a second as three digits is the common case. */
function fractionText(restMs: number, digits: number): string {
  if (digits === 3) return threeDigits(Math.floor(restMs));
  // A wall time in ms as a double is good to a microsecond.
  const micros = Math.min(999_999, Math.round(restMs * 1000));
  const nanos = `${String(micros).padStart(6, "0")}000`;
  if (digits > 0) return nanos.slice(0, digits);
  const text = nanos.replace(TRAILING_ZEROS, "");
  return text === "" ? "0" : text;
}

const TRAILING_ZEROS = /0+$/;

function threeDigits(value: number): string {
  if (value >= 100) return String(value);
  return value >= 10 ? `0${value}` : `00${value}`;
}

const SPECIFIER = /%(E\*[Sfz]|E[0-9]+[Sf]|E4Y|E[A-Za-z]|O[A-Za-z]|[1-9][sf]|[A-Za-z%]|)/g;

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
const blankTwo = (value: number): string => (value < 10 ? ` ${value}` : String(value));
const hour12 = ({ hour }: Fields): number => (hour % 12 === 0 ? 12 : hour % 12);
const clock = (f: Fields): string => `${two(f.hour)}:${two(f.minute)}:${two(f.secondOfMinute)}`;
const zone = (minutes: number, colon: string): string => {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
};

const FIELDS: Readonly<Record<string, FieldText>> = {
  "%": () => "%",
  a: (f) => DAYS[f.weekday]!.slice(0, 3),
  A: (f) => DAYS[f.weekday]!,
  b: (f) => MONTHS[f.month - 1]!.slice(0, 3),
  B: (f) => MONTHS[f.month - 1]!,
  c: (f) =>
    `${DAYS[f.weekday]!.slice(0, 3)} ${MONTHS[f.month - 1]!.slice(0, 3)} ${blankTwo(f.day)} ${clock(f)} ${f.year}`,
  C: (f) => two(Math.floor(f.year / 100)),
  d: (f) => two(f.day),
  D: (f) => `${two(f.month)}/${two(f.day)}/${two(f.year % 100)}`,
  e: (f) => blankTwo(f.day),
  F: (f) => `${f.year}-${two(f.month)}-${two(f.day)}`,
  g: (f) => two(isoWeek(f).year % 100),
  G: (f) => String(isoWeek(f).year),
  h: (f) => MONTHS[f.month - 1]!.slice(0, 3),
  H: (f) => two(f.hour),
  I: (f) => two(hour12(f)),
  j: (f) => String(f.yearDay + 1).padStart(3, "0"),
  k: (f) => blankTwo(f.hour),
  l: (f) => blankTwo(hour12(f)),
  m: (f) => two(f.month),
  M: (f) => two(f.minute),
  n: () => "\n",
  p: (f) => (f.hour < 12 ? "AM" : "PM"),
  P: (f) => (f.hour < 12 ? "am" : "pm"),
  r: (f) =>
    `${two(hour12(f))}:${two(f.minute)}:${two(f.secondOfMinute)} ${f.hour < 12 ? "AM" : "PM"}`,
  R: (f) => `${two(f.hour)}:${two(f.minute)}`,
  s: (f) => String(f.second),
  S: (f) => two(f.secondOfMinute),
  t: () => "\t",
  T: clock,
  u: (f) => String(f.weekday === 0 ? 7 : f.weekday),
  U: (f) => two(Math.floor((f.yearDay + 7 - f.weekday) / 7)),
  V: (f) => two(isoWeek(f).week),
  w: (f) => String(f.weekday),
  W: (f) => two(Math.floor((f.yearDay + 7 - ((f.weekday + 6) % 7)) / 7)),
  x: (f) => `${two(f.month)}/${two(f.day)}/${two(f.year % 100)}`,
  X: clock,
  y: (f) => two(f.year % 100),
  Y: (f) => String(f.year),
  z: (f) => zone(f.offsetMinutes, ""),
  Z: (f) => (f.offsetMinutes === 0 ? "UTC" : zone(f.offsetMinutes, "")),
  E0S: (f) => two(f.secondOfMinute),
  E4Y: (f) => String(f.year).padStart(4, "0"),
  ET: () => "T",
  Ez: (f) => zone(f.offsetMinutes, ":"),
  "E*z": (f) => `${zone(f.offsetMinutes, ":")}:00`,
};

function isKnown(specifier: string): boolean {
  return fieldOf(specifier) !== undefined || fractionOf(specifier) !== null;
}

/** E, O and a digit are modifiers: without a meaning of their own they change nothing. */
function fieldOf(specifier: string): FieldText | undefined {
  return (
    FIELDS[specifier] ?? (/^[EO1-9]./.test(specifier) ? FIELDS[specifier.slice(1)] : undefined)
  );
}

/** Specifiers that print a fraction: what comes before it, and its digits (0: all). */
function fractionOf(specifier: string): { before: (string | FieldText)[]; digits: number } | null {
  if (specifier === "f") return { before: [], digits: NANOS_DIGITS };
  const match = /^(?:([1-9])f|E(\*|[1-9][0-9]*)([Sf]))$/.exec(specifier);
  if (match === null) return null;
  const [, plain, extended, kind] = match;
  if (plain !== undefined) return { before: [], digits: Number(plain) };
  const seconds: (string | FieldText)[] = kind === "S" ? [FIELDS["S"]!, "."] : [];
  return {
    before: seconds,
    digits: extended === "*" ? 0 : Math.min(NANOS_DIGITS, Number(extended)),
  };
}

function parseTimeFormat(format: string): {
  groups: (string | FieldText)[][];
  fractions: number[];
} {
  const groups: (string | FieldText)[][] = [[]];
  const fractions: number[] = [];
  let at = 0;
  for (const match of format.matchAll(SPECIFIER)) {
    const group = groups[groups.length - 1]!;
    if (match.index > at) group.push(format.slice(at, match.index));
    at = match.index + match[0].length;
    const specifier = match[1]!;
    const fraction = fractionOf(specifier);
    if (fraction === null) {
      group.push(fieldOf(specifier) ?? match[0]);
      continue;
    }
    group.push(...fraction.before);
    fractions.push(fraction.digits);
    groups.push([]);
  }
  groups[groups.length - 1]!.push(format.slice(at));
  return { groups, fractions };
}

function takeApart(second: number, offsetMinutes: number): Fields {
  const date = new Date((second + offsetMinutes * 60) * 1000);
  const year = date.getUTCFullYear();
  return {
    second,
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    secondOfMinute: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000),
    offsetMinutes,
  };
}

/** ISO 8601 week: weeks start on Monday; week 1 has the year's first Thursday. */
function isoWeek({ year, yearDay, weekday }: Fields): { year: number; week: number } {
  const week = Math.floor((yearDay - ((weekday + 6) % 7) + 10) / 7);
  if (week < 1) return { year: year - 1, week: weeksOf(year - 1) };
  return week > weeksOf(year) ? { year: year + 1, week: 1 } : { year, week };
}

function weeksOf(year: number): number {
  const first = new Date(Date.UTC(year, 0, 1)).getUTCDay();
  const last = new Date(Date.UTC(year, 11, 31)).getUTCDay();
  return first === 4 || last === 4 ? 53 : 52;
}
