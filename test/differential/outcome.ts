// The outcome of a case as a flat list of named values, normalised so that only real differences
// remain: dates, generated ids, durations and port numbers get placeholders.
import type { RawMessage } from "../kit/http1-message.ts";
import { DURATION_FIELDS } from "./bootstrap.ts";

/** Values by key, e.g. `client.0.response.0.status`, `log.0.flags`, `counter.http.ingress.…`. */
export type Outcome = ReadonlyMap<string, string>;

/** One key whose values differ. */
export interface Difference {
  readonly key: string;
  /** Undefined when the side has no such value. */
  readonly judge: string | undefined;
  readonly subject: string | undefined;
}

/** Port numbers and paths of one side, and what to print instead. */
export type Replacements = ReadonlyMap<string, string>;

/** With a group, so that split() keeps the ids. */
const UUID = /\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b/;

/** Counters that depend on timing or on the length of generated values. */
const UNSTABLE_COUNTER =
  /(^|\.)(downstream_cx_tx_bytes_total|downstream_cx_rx_bytes_total|.*_buffered|upstream_cx_rx_bytes_total|upstream_cx_tx_bytes_total|connections_accepted_per_socket_event|update_(attempt|success|no_rebuild|time)|version|total_match_count)$|^listener\.(admin|barrier)\.|^http\.admin\./;

/** Trees of counters that are compared. */
const COMPARED_COUNTER =
  /^(\w+\.http_local_rate_limit|http|cluster|listener|tcp|vhost|http1|http2|local_rate_limit|connection_limit|proxy_proto|tls_inspector|http_inspector|runtime|health_check)\b/;

/** Collects values for one case on one side. */
export class OutcomeBuilder {
  readonly #values = new Map<string, string>();
  readonly #replacements: Replacements;
  readonly #keepRequestIds: boolean;
  readonly #pattern: RegExp | null;

  constructor(replacements: Replacements, keepRequestIds: boolean) {
    this.#replacements = replacements;
    this.#keepRequestIds = keepRequestIds;
    const words = [...replacements.keys()].sort((a, b) => b.length - a.length);
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
    this.#pattern =
      words.length === 0 ? null : new RegExp(`(?<![0-9])(${escaped.join("|")})(?![0-9])`, "g");
  }

  get outcome(): Outcome {
    return this.#values;
  }

  set(key: string, value: string): void {
    this.#values.set(this.#text(key), this.#text(value));
  }

  /** Adds a message: status line, headers in order, body, framing, trailers. */
  message(key: string, message: RawMessage): void {
    this.set(`${key}.start`, message.startLine);
    this.set(`${key}.headers`, message.headers.map(stableHeader).join("\n"));
    this.set(`${key}.body`, message.body);
    this.set(`${key}.framing`, message.complete ? message.framing : `${message.framing}, cut`);
    if (message.trailers.length > 0) this.set(`${key}.trailers`, message.trailers.join("\n"));
  }

  /** Adds raw bytes, which may hold whole messages. */
  bytes(key: string, text: string): void {
    this.set(key, text.split("\r\n").map(stableHeader).join("\r\n"));
  }

  /** Adds a JSON log line field by field, or a text line as it is. */
  logLine(key: string, line: string): void {
    if (!line.startsWith("{")) {
      this.set(key, stableText(line));
      return;
    }
    let fields: Record<string, unknown>;
    try {
      fields = JSON.parse(line) as Record<string, unknown>;
    } catch {
      this.set(`${key}.unparsable`, line);
      return;
    }
    for (const [name, value] of Object.entries(fields)) {
      const isDuration = DURATION_FIELDS.has(name) || name.startsWith("ms_");
      const text = isDuration ? kindOf(value) : JSON.stringify(value);
      this.set(`${key}.${name}`, stableField(name, text));
    }
  }

  counters(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    for (const [name, value] of after) {
      const change = value - (before.get(name) ?? 0);
      if (change === 0 || !COMPARED_COUNTER.test(name) || UNSTABLE_COUNTER.test(name)) continue;
      this.set(`counter.${name}`, String(change));
    }
  }

  #text(value: string): string {
    // The digits of an id may be those of a port: ids are left alone.
    return value
      .split(UUID)
      .map((part, i) => (i % 2 === 0 ? this.#named(part) : this.#id(part)))
      .join("");
  }

  #named(text: string): string {
    if (this.#pattern === null) return text;
    return text.replace(this.#pattern, (word) => this.#replacements.get(word) ?? word);
  }

  #id(id: string): string {
    return this.#keepRequestIds ? id : "<uuid>";
  }
}

/** Times of a text line; a line of "name=value|name=value" is compared value by value. */
function stableText(line: string): string {
  return line
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<time>")
    .replace(/^(\[<time>\] ".*?" \d+ \S+ \d+ \d+) \d+ (\d+|-) /, "$1 <ms> <ms> ")
    .replaceAll("|", "\n");
}

/** Fields of event logs that tell when something happened. */
function stableField(name: string, text: string): string {
  if (name === "secs_since_last_action") return "<seconds>";
  return name === "timestamp" ? stableTime(text) : text;
}

/** A time as protobuf prints it: with as many digits as it needs. */
function stableTime(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/, "<time>");
}

function stableHeader(line: string): string {
  if (/^date:/i.test(line)) {
    const date = /^(date: )[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/i;
    return line.replace(date, "$1<date>");
  }
  const tens = /^(x-ratelimit-reset: )(\d+)$/i.exec(line);
  // Seconds pass between two requests: as many as a busy machine takes.
  if (tens !== null) return `${tens[1]}${Math.ceil(Number(tens[2]) / 30) * 30}`;
  // A session cookie with a ttl names its end.
  const session = /^(set-cookie: [^=]+=")Cg[\w+/]+={0,2}("; Max-Age=)/i;
  if (session.test(line)) return line.replace(session, "$1<session>$2");
  return line.replace(/^(x-envoy-upstream-service-time: )\d+$/i, "$1<ms>");
}

function kindOf(value: unknown): string {
  return typeof value === "number" ? "<ms>" : JSON.stringify(value);
}

/** The outcome with these upstreams' names given out again, in order of the alphabet. */
export function renamed(outcome: Outcome, reached: readonly string[]): Outcome {
  if (reached.length === 0) return outcome;
  const names = [...reached].sort();
  const pattern = new RegExp(`\\b(${names.join("|")})\\b`, "g");
  const again = (text: string): string =>
    text.replace(pattern, (name) => names[reached.indexOf(name)] as string);
  return new Map([...outcome].map(([key, value]) => [again(key), again(value)]));
}

/** Keys whose values differ, in key order. */
export function compare(judge: Outcome, subject: Outcome): readonly Difference[] {
  const keys = [...new Set([...judge.keys(), ...subject.keys()])].sort();
  return keys
    .filter((key) => judge.get(key) !== subject.get(key))
    .map((key) => ({ key, judge: judge.get(key), subject: subject.get(key) }));
}

/** Prints differences for people: one line when short, line by line when a value has lines. */
export function printDifferences(
  differences: readonly Difference[],
  judgeName: string,
  subjectName: string,
): string {
  const width = Math.max(judgeName.length, subjectName.length);
  return differences
    .map(({ key, judge, subject }) => {
      if (judge?.includes("\n") && subject?.includes("\n")) {
        return `  ${key}\n${lineDifference(judge, subject)}`;
      }
      const left = `    ${judgeName.padEnd(width)}: ${shown(judge)}`;
      return `  ${key}\n${left}\n    ${subjectName.padEnd(width)}: ${shown(subject)}`;
    })
    .join("\n");
}

function shown(value: string | undefined): string {
  if (value === undefined) return "(nothing)";
  const text = JSON.stringify(value);
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${value.length} characters)` : text;
}

/** Lines only the judge has get "-", lines only the subject has "+". */
function lineDifference(judge: string, subject: string): string {
  const left = judge.split("\n");
  const right = subject.split("\n");
  const common = longestCommonLines(left, right);
  const printed: string[] = [];
  let l = 0;
  let r = 0;
  for (const line of [...common, null]) {
    while (l < left.length && left[l] !== line) printed.push(`    - ${left[l++]}`);
    while (r < right.length && right[r] !== line) printed.push(`    + ${right[r++]}`);
    if (line !== null) printed.push(`      ${line}`);
    l++;
    r++;
  }
  return printed.join("\n");
}

function longestCommonLines(left: readonly string[], right: readonly string[]): string[] {
  const table: string[][][] = [Array.from({ length: right.length + 1 }, () => [])];
  for (let l = 1; l <= left.length; l++) {
    const row: string[][] = [[]];
    for (let r = 1; r <= right.length; r++) {
      const above = table[l - 1]?.[r] ?? [];
      const before = row[r - 1] ?? [];
      const longer = above.length >= before.length ? above : before;
      const line = left[l - 1] as string;
      row.push(line === right[r - 1] ? [...(table[l - 1]?.[r - 1] ?? []), line] : longer);
    }
    table.push(row);
  }
  return table[left.length]?.[right.length] ?? [];
}
