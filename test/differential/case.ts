// What a differential case is: bytes to send, a script for the upstreams, and optional facts that
// must hold on both sides. Cases are data; side.ts plays them, outcome.ts compares.
import type { UpstreamReply, UpstreamScript } from "../kit/scripted-upstream.ts";
import type { DistributionCase } from "./distribution.ts";

/** One thing the client does. `client` numbers the connections of a case, from 0. */
export type Step =
  | { readonly do: "send"; readonly text: string }
  | { readonly do: "response"; readonly toHead: boolean }
  | {
      readonly do: "drain";
      readonly toHead: boolean;
      /** Answers that must come; more are taken when they are there. */
      readonly answers: number;
      readonly closes: boolean;
    }
  | { readonly do: "until"; readonly text: string }
  | { readonly do: "closed" }
  | { readonly do: "finish" }
  | { readonly do: "reset" }
  | { readonly do: "pause"; readonly ms: number }
  | { readonly do: "connect"; readonly on: string | null; readonly from: string | null }
  | { readonly do: "client"; readonly index: number }
  | { readonly do: "saw"; readonly upstream: string; readonly text: string }
  | { readonly do: "stat"; readonly name: string; readonly value: number }
  | {
      readonly do: "publish";
      readonly file: string;
      /** Scope of the subscription, with its dot. */
      readonly scope: string;
      readonly content: Readonly<Record<string, unknown>>;
    }
  | { readonly do: "file"; readonly name: string; readonly lines: number }
  | { readonly do: "page"; readonly path: string; readonly only: RegExp }
  | { readonly do: "admin"; readonly method: "GET" | "POST"; readonly path: string }
  | { readonly do: "lines"; readonly path: string; readonly only: RegExp };

/** Facts: an outcome key (outcome.ts) and what its value is, or patterns it matches. */
export type Facts = Readonly<Record<string, string | RegExp | readonly RegExp[]>>;

/**
 * One case. Texts may hold `@port:NAME@`, which becomes the port of that listener, and
 * `@host:NAME@` or `@session:NAME@`, an upstream as a header or a cookie names the host of a
 * session.
 */
export interface DifferentialCase {
  /** A fact in plain words. */
  readonly name: string;
  /** Name of the port to connect to. */
  readonly on: string;
  /** Loopback address to connect from. */
  readonly from?: string;
  readonly steps: readonly Step[];
  readonly upstreams?: Readonly<Record<string, UpstreamScript>>;
  /** Access-log lines to wait for; default 1. */
  readonly logs?: number;
  /** Upstreams of which the first is chosen at random: named in the order they are reached. */
  readonly alike?: readonly string[];
  /** Checked on the judge and on the subject, so that a case cannot agree on nonsense. */
  readonly facts?: Facts;
  /** Keeps request ids as they are instead of replacing generated ones by a placeholder. */
  readonly keepRequestIds?: boolean;
  /** Where Envoy does something other than the reference text says. */
  readonly note?: string;
  /** Standing upstreams whose whole recording, since the start of the proxy, is compared. */
  readonly standing?: readonly string[];
  /** Compare counters; default true. False only where the counters depend on timing. */
  readonly counters?: boolean;
}

/** Cases that share one bootstrap, and so one start of each proxy. */
export interface DifferentialGroup {
  readonly name: string;
  /** Envoy bootstrap; strings may hold `@port:N@`, `@upstream:N@`, `@refused:N@`, `@file:N@`. */
  readonly bootstrap: Readonly<Record<string, unknown>>;
  /** Configuration files beside it, by name: `@source:NAME@` is the path of one. */
  readonly files?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly cases: readonly DifferentialCase[];
  /** What is chosen at random, compared by counts over many requests. */
  readonly distributions?: readonly DistributionCase[];
  /** Cases see what earlier ones left behind: whoever plays one again plays those first. */
  readonly ordered?: boolean;
  /**
   * Scripts of standing upstreams: they run from the start of the proxy on, cases leave them alone.
   * For what a proxy does by itself (health checks).
   */
  readonly standing?: Readonly<Record<string, UpstreamScript>>;
  /** Extra command-line arguments for both proxies. */
  readonly args?: readonly string[];
}

/** Options of the short forms below. */
export type CaseOptions = Omit<DifferentialCase, "name" | "on" | "steps">;

export const response: Step = { do: "response", toHead: false };
export const responseToHead: Step = { do: "response", toHead: true };
/** Waits until the proxy ends the connection. */
export const closed: Step = { do: "closed" };
/** Sends FIN. */
export const finish: Step = { do: "finish" };
/** Sends RST. */
export const reset: Step = { do: "reset" };
export const send = (text: string): Step => ({ do: "send", text });
export const until = (text: string): Step => ({ do: "until", text });
/** Lets time pass between two writes, so that they arrive as two reads. */
export const pause = (ms: number): Step => ({ do: "pause", ms });
export const connectTo = (on: string | null, from: string | null = null): Step => ({
  do: "connect",
  on,
  from,
});
/** Goes back to an earlier connection. */
export const client = (index: number): Step => ({ do: "client", index });
/** Waits until an upstream has received these bytes. */
export const saw = (upstream: string, text: string): Step => ({ do: "saw", upstream, text });
/** Waits until a file of the run's folder has so many lines, and compares them. */
export const fileLines = (name: string, lines: number): Step => ({ do: "file", name, lines });
/** Compares the lines of an admin page that match, in their order. */
export const pageLines = (path: string, only: RegExp): Step => ({ do: "page", path, only });
/** Waits until a counter or gauge of the proxy has this value. */
export const stat = (name: string, value: number): Step => ({ do: "stat", name, value });
/**
 * Moves a new version of one of the group's files into place, and waits until the subscription
 * whose stats are under `scope` has taken or refused it.
 */
export const publish = (
  file: string,
  scope: string,
  content: Readonly<Record<string, unknown>>,
): Step => ({ do: "publish", file, scope, content });
export const adminGet = (path: string): Step => ({ do: "admin", method: "GET", path });
export const adminPost = (path: string): Step => ({ do: "admin", method: "POST", path });

/**
 * Reads an admin page of `name value` or `name: value` lines and compares the lines whose name
 * matches `only` one by one, in any order. Comments (#) are left out: HELP and TYPE lines differ.
 */
export const adminLines = (path: string, only: RegExp): Step => ({ do: "lines", path, only });

/** A request head from its lines; the blank line is added. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** GET with `host: a.example` unless a host line is given. */
export function get(path: string, ...headers: readonly string[]): string {
  return request("GET", path, headers, null);
}

/** Any method; a body brings its content-length. */
export function request(
  method: string,
  path: string,
  headers: readonly string[],
  body: string | null,
): string {
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : ["host: a.example"];
  const length = body === null ? [] : [`content-length: ${body.length}`];
  return head(`${method} ${path} HTTP/1.1`, ...host, ...headers, ...length) + (body ?? "");
}

/** One request, one response. */
export function exchange(
  name: string,
  on: string,
  text: string,
  options: CaseOptions = {},
): DifferentialCase {
  return { name, on, steps: [send(text), response], ...options };
}

/** Matches one whole line `name: value` of a header list. */
export function header(name: string, value: string): RegExp {
  return new RegExp(`^${name}: ${value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "m");
}

/** Matches a header list without this header. */
export function noHeader(name: string): RegExp {
  return new RegExp(`^(?!(?:.*\n)*${name}:)`, "i");
}

/** One upstream that answers every request with `reply`. */
export function answers(
  reply: UpstreamReply,
  upstream = "up1",
): Pick<DifferentialCase, "upstreams"> {
  return { upstreams: { [upstream]: { replies: [reply] } } };
}
