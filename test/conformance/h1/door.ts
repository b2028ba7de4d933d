// Plays corpus cases on a running proxy and says what happened at the door and behind it.

import {
  any,
  anyHost,
  bootstrap,
  hcm,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
} from "../../differential/bootstrap.ts";
import type { DifferentialCase, DifferentialGroup } from "../../differential/case.ts";
import type { Outcome } from "../../differential/outcome.ts";
import { Side } from "../../differential/side.ts";
import { headerValues } from "../../kit/http1-message.ts";
import type { ProxyCommand } from "../../kit/proxy-process.ts";
import { type CorpusCase, toBytes, toReadable } from "./corpus.ts";

/** What was seen, in the words of the corpus. */
export interface Seen {
  readonly door: string;
  readonly forwarded: readonly string[];
}

/** Headers that the proxy adds to every request; they say nothing about the client's bytes. */
const ADDED = ["x-forwarded-proto", "x-request-id", "x-envoy-expected-rq-timeout-ms"];

const on = (name: string, fields: Message): Message => listener(name, [hcm(fields)]);

const base = bootstrap([
  on("main", {}),
  on("http10", {
    http_protocol_options: { accept_http_10: true, default_host_for_http_10: "default.example" },
  }),
  listener("trailers", [
    hcmWithHosts([anyHost([routeTo({ prefix: "/" }, "trailing")])], {
      http_protocol_options: { enable_trailers: true },
    }),
  ]),
  listener("tunnel", [
    hcmWithHosts(
      [
        anyHost([
          routeTo({ connect_matcher: {} }, "up1", {
            upgrade_configs: [{ upgrade_type: "CONNECT" }],
          }),
          routeTo({ prefix: "/" }),
        ]),
      ],
      { upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "CONNECT" }] },
    ),
  ]),
  on("edge", { use_remote_address: true }),
  on("normalize", { normalize_path: true, merge_slashes: true }),
  on("small", {
    max_request_headers_kb: 2,
    common_http_protocol_options: { max_headers_count: 10 },
  }),
]);

const statics = base["static_resources"] as { listeners: Message[]; clusters: Message[] };
const up1 = statics.clusters[0] as Message;

const trailing: Message = {
  ...up1,
  name: "trailing",
  load_assignment: { ...(up1["load_assignment"] as Message), cluster_name: "trailing" },
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http_protocol_options: { enable_trailers: true } } },
    ),
  },
};

const GROUP: DifferentialGroup = {
  name: "corpus",
  bootstrap: {
    ...base,
    static_resources: { ...statics, clusters: [...statics.clusters, trailing] },
  },
  cases: [],
};

export function startCorpusProxy(command: ProxyCommand): Promise<Side> {
  return Side.start(command, GROUP);
}

/**
 * Plays one case. `expected` shortens waiting: how many answers must come, and whether it closes.
 */
export async function play(
  side: Side,
  one: CorpusCase,
  expected: { readonly answers: number; readonly closes: boolean },
): Promise<Seen> {
  const second = one.response !== null;
  const toHead = /^HEAD /.test(one.request);
  const testCase: DifferentialCase = {
    name: one.title,
    on: one.listener,
    steps: [
      { do: "send", text: toBytes(one.request) },
      { do: "drain", toHead, ...expected, answers: second ? 1 : expected.answers },
      ...(second
        ? ([
            { do: "send", text: "GET /second HTTP/1.1\r\nhost: a\r\n\r\n" },
            { do: "drain", toHead: false, answers: 0, closes: false },
          ] as const)
        : []),
    ],
    upstreams: { up1: { replies: replies(one) } },
    // The second answer of a response case has a line of its own.
    logs: Math.max(1, second ? 2 : expected.answers),
    counters: false,
  };
  const outcome = await side.play(testCase);
  return { door: doorOf(outcome), forwarded: forwardedOf(outcome) };
}

function replies(one: CorpusCase): { send: string; after?: "close" }[] {
  const ok = { send: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" };
  if (one.response === null) return [ok];
  const sent = { send: toBytes(one.response) };
  return [one.after === "close" ? { ...sent, after: "close" } : sent, ok];
}

/** Statuses with details, then how the connection ended. */
function doorOf(outcome: Outcome): string {
  const answers: string[] = [];
  for (let i = 0; ; i++) {
    const start = outcome.get(`client.0.response.${i}.start`);
    if (start === undefined) break;
    const status = start.split(" ")[1] ?? "?";
    const body = outcome.get(`client.0.response.${i}.body`) ?? "";
    const framing = outcome.get(`client.0.response.${i}.framing`) ?? "";
    const details = JSON.parse(outcome.get(`log.${i}.details`) ?? "null") as string | null;
    const local = details !== null && details !== "via_upstream" ? ` ${details}` : "";
    const shown =
      local === "" && body !== "ok" && status < "400" && body !== ""
        ? ` "${toReadable(body).slice(0, 60)}"`
        : "";
    answers.push(`${status}${framing.endsWith("cut") ? " cut" : ""}${local}${shown}`);
  }
  const rest = outcome.get("client.0.rest");
  if (rest !== undefined) answers.push(goAway(rest) ?? `bytes ${toReadable(rest).slice(0, 60)}`);
  const end = outcome.get("client.0.end") === "open" ? "open" : "close";
  return [...answers, end].join(", ");
}

/** The reason of an HTTP/2 GOAWAY among these bytes (RFC 9113 §6.8), by name. */
function goAway(text: string): string | null {
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === 7) {
      return bytes.readUInt32BE(at + 13) === 0xd ? "goaway HTTP_1_1_REQUIRED" : "goaway";
    }
    at += 9 + length;
  }
  return null;
}

function forwardedOf(outcome: Outcome): readonly string[] {
  const requests: string[] = [];
  for (let i = 0; ; i++) {
    const key = `upstream.up1.${i}`;
    const start = outcome.get(`${key}.start`);
    if (start === undefined) break;
    if (start === "GET /second HTTP/1.1") continue;
    const headers = (outcome.get(`${key}.headers`) ?? "")
      .split("\n")
      .filter(
        (line) => line !== "" && !ADDED.some((name) => headerValues([line], name).length > 0),
      );
    const body = outcome.get(`${key}.body`) ?? "";
    const trailers = outcome.get(`${key}.trailers`);
    const cut = (outcome.get(`${key}.framing`) ?? "").endsWith("cut") ? ["(cut)"] : [];
    const lines = [start, ...headers, "", body, ...(trailers ? ["", trailers] : []), ...cut];
    requests.push(toReadable(lines.join("\n").replace(/ +$/gm, "").replace(/\n+$/, "")));
  }
  const bytes = outcome.get("upstream.up1.bytes.0");
  if (bytes !== undefined) requests.push(`tunnel: ${toReadable(bytes)}`);
  return requests;
}

/** True when what was seen is one of the alternatives ("or") of a door line. */
export function doorMatches(expected: string, seen: string): boolean {
  return expected.split(" or ").some((one) => alternativeMatches(one, seen));
}

/** An alternative may leave out details and the end. */
function alternativeMatches(expected: string, seen: string): boolean {
  const wanted = expected.split(", ");
  const got = seen.split(", ");
  const statesEnd = ["open", "close"].includes(wanted.at(-1) ?? "");
  if (!statesEnd) got.pop();
  return (
    wanted.length === got.length &&
    wanted.every((part, i) => part === got[i] || got[i]?.startsWith(`${part} `) === true)
  );
}

/** What reached the upstream but may not: whole requests beyond or beside the expected ones. */
export function unexpectedRequests(one: CorpusCase, seen: Seen): readonly string[] {
  const whole = seen.forwarded.filter((request) => !request.endsWith("(cut)"));
  return whole.filter((request, i) => request !== one.forwarded[i]);
}

/** What should have reached the upstream but did not. A refused request need not have. */
export function missingRequests(one: CorpusCase, seen: Seen): readonly string[] {
  const refused = /^(4|5)\d\d|^close$|, (4|5)\d\d/.test(seen.door);
  return refused ? [] : one.forwarded.slice(seen.forwarded.length);
}

/** What a door line says about how long to wait: for the most that any alternative brings. */
export function expectations(door: string): { answers: number; closes: boolean } {
  const alternatives = door.split(" or ").map((one) => one.split(", "));
  const counts = alternatives.map((parts) => parts.filter((part) => /^\d{3}/.test(part)).length);
  return {
    answers: Math.max(...counts),
    closes: alternatives.every((parts) => parts.at(-1) === "close"),
  };
}
