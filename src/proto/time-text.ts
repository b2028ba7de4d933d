/** Text forms of Duration ("1.5s") and Timestamp (RFC 3339) in protobuf's JSON mapping. */
import type { Duration, Timestamp } from "./plain.ts";

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const DURATION_SECONDS_MAX = 315_576_000_000;
const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** null when the text is no duration within ±10 000 years. */
export function parseDuration(text: string): Duration | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const sign = match[1] === "-" ? -1 : 1;
  const seconds = Number(match[2]);
  if (seconds > DURATION_SECONDS_MAX) return null;
  const nanos = nanosOf(match[3]);
  // `|| 0` turns -0 into 0.
  return { seconds: sign * seconds || 0, nanos: sign * nanos || 0 };
}

export function durationText(duration: Duration): string {
  const { seconds, nanos } = duration;
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fractionText(Math.abs(nanos))}s`;
}

/** null when the text is no time between the years 1 and 9999. */
export function parseTimestamp(text: string): Timestamp | null {
  const match = TIMESTAMP.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as number[];
  const inRange = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  if (!inRange || year === 0) return null;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  // 30 February would silently become March.
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day) return null;
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60;
  const seconds = date.getTime() / 1000 - (match[8] === "-" ? -offset : offset);
  return { seconds, nanos: nanosOf(match[7]) };
}

export function timestampText(timestamp: Timestamp): string {
  const date = new Date(timestamp.seconds * 1000).toISOString();
  return `${date.slice(0, 19)}${fractionText(timestamp.nanos)}Z`;
}

function nanosOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(9, "0"));
}

/** 0, 3, 6 or 9 digits, as protobuf prints them. */
function fractionText(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return digits.endsWith("000") ? `.${digits.slice(0, 6)}` : `.${digits}`;
}
