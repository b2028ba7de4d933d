// hot: per request
/**
 * The `date` response header, rendered once per second (RFC 9110 §5.6.7). Envoy: `DateProvider`.
 */
import type { TimeSource } from "../platform/time.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export class DateProvider {
  private readonly time: TimeSource;
  private second = -1;
  private text = "";

  constructor(time: TimeSource) {
    this.time = time;
  }

  now(): string {
    const second = Math.floor(this.time.wallMs() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.text = formatHttpDate(second);
    }
    return this.text;
  }
}

/**
 * `Sun, 06 Nov 1994 08:49:37 GMT` for seconds since 1970, by calendar arithmetic (no ambient
 * clock).
 */
export function formatHttpDate(second: number): string {
  const days = Math.floor(second / 86400);
  const { year, month, day } = civilFromDays(days);
  const weekday = DAYS[(((days + 4) % 7) + 7) % 7];
  const rest = second - days * 86400;
  const clock = [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60), rest % 60].map(twoDigits);
  return `${weekday}, ${twoDigits(day)} ${MONTHS[month - 1]} ${year} ${clock.join(":")} GMT`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/**
 * Days since 1970-01-01 to a proleptic Gregorian date, counting years from March so that leap days
 * come last.
 */
export function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36524) -
      Math.floor(dayOfEra / 146096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  const day = dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
