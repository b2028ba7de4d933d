// One proxy under comparison with its own upstreams, ports and log files; plays cases on it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePorts, type ProxyCommand, ProxyProcess } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { placeholders, substitute, substituteText } from "./bootstrap.ts";
import type { DifferentialCase, DifferentialGroup, Step } from "./case.ts";
import { type Outcome, OutcomeBuilder } from "./outcome.ts";

/** Longest wait for an answer or an end of connection. */
const ANSWER_TIMEOUT_MS = 4_000;
/** Longest wait for access-log lines and for gauges to go back to rest. */
const SETTLE_TIMEOUT_MS = 1_500;
/** How long a connection that nobody announced to close is watched. */
const STAYS_OPEN_MS = 12;

/** How long to wait for an answer that may not come, and for more after one. */
const FIRST_ANSWER_MS = 250;
const STAYS_QUIET_MS = 90;
/** How long to look for log lines that should not come. */
const NO_LOG_MS = 40;

/** Quoted, because Envoy's YAML still takes a plain y for true. */
const YAML_OPTIONS = {
  aliasDuplicateObjects: false,
  defaultStringType: "QUOTE_DOUBLE",
  defaultKeyType: "PLAIN",
} as const;

/** A started proxy. One case at a time. */
export class Side {
  readonly name: string;
  readonly #proxy: ProxyProcess;
  readonly #folder: string;
  readonly #values: ReadonlyMap<string, string>;
  readonly #upstreams: readonly ScriptedUpstream[];
  readonly #logFiles: readonly string[];
  #counters: ReadonlyMap<string, number> = new Map();

  private constructor(
    proxy: ProxyProcess,
    folder: string,
    values: ReadonlyMap<string, string>,
    upstreams: readonly ScriptedUpstream[],
    logFiles: readonly string[],
  ) {
    this.name = proxy.name;
    this.#proxy = proxy;
    this.#folder = folder;
    this.#values = values;
    this.#upstreams = upstreams;
    this.#logFiles = logFiles;
  }

  /** Starts upstreams and the proxy; tries again when a port was taken in between. */
  static async start(command: ProxyCommand, group: DifferentialGroup): Promise<Side> {
    const folder = mkdtempSync(join(tmpdir(), `differential-${group.name}-`));
    const upstreams = placeholders(group.bootstrap, "upstream").map((n) => new ScriptedUpstream(n));
    await Promise.all(upstreams.map((upstream) => upstream.start()));
    const logFiles = placeholders(group.bootstrap, "file");
    for (let attempt = 1; ; attempt++) {
      const values = await placeholderValues(group, upstreams, folder);
      const file = join(folder, "bootstrap.yaml");
      writeFileSync(file, stringify(substitute(group.bootstrap, values), YAML_OPTIONS));
      const adminPort = Number(values.get("@port:admin@"));
      const args = [
        "--concurrency",
        "1",
        "--file-flush-interval-msec",
        "10",
        ...(group.args ?? []),
      ];
      const extra = command.name.startsWith("envoy") ? ["--disable-hot-restart", ...args] : args;
      try {
        const proxy = await ProxyProcess.start(command, file, adminPort, extra);
        const side = new Side(proxy, folder, values, upstreams, logFiles);
        side.#counters = await side.#readCounters();
        return side;
      } catch (error) {
        const taken = /address (is|already) in use|EADDRINUSE/i.test(String(error));
        if (taken && attempt < 3) continue;
        await Promise.all(upstreams.map((upstream) => upstream.stop()));
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get running(): boolean {
    return this.#proxy.running;
  }

  get stderr(): string {
    return this.#proxy.stderr;
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await Promise.all(this.#upstreams.map((upstream) => upstream.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Plays a case and tells everything that could be seen. */
  async play(testCase: DifferentialCase): Promise<Outcome> {
    const logStarts = this.#logFiles.map((file) => this.#log(file).length);
    for (const upstream of this.#upstreams) {
      upstream.play(testCase.upstreams?.[upstream.name] ?? {});
    }
    const player = new StepPlayer(this.#values, this.#proxy, this.#upstreams);
    const replacements = this.#replacements();
    await player.play(testCase);
    for (const [port, name] of player.ports) replacements.set(port, name);
    const lines = await this.#logLines(logStarts, testCase.logs ?? 1);
    const recordings = this.#upstreams.map((upstream) => upstream.recording());
    for (const { peerPorts } of recordings) {
      for (const [i, port] of peerPorts.entries()) {
        // A client may have the same port towards the proxy; it was named first.
        if (!replacements.has(String(port))) replacements.set(String(port), `<to-upstream-${i}>`);
      }
    }
    const outcome = new OutcomeBuilder(replacements, testCase.keepRequestIds ?? false);
    player.addTo(outcome);
    for (const [i, recording] of recordings.entries()) {
      addRecording(outcome, this.#upstreams[i]?.name ?? "", recording);
    }
    for (const [key, line] of lines) outcome.logLine(key, line);
    const after = await this.#rest();
    // A gauge that does not come to rest is a leak.
    for (const name of busyGauges(after)) outcome.set(`leak.${name}`, String(after.get(name)));
    if (testCase.counters !== false) outcome.counters(this.#counters, after);
    this.#counters = after;
    return outcome.outcome;
  }

  #replacements(): Map<string, string> {
    const replacements = new Map<string, string>();
    for (const [placeholder, value] of this.#values) {
      replacements.set(value, `<${placeholder.slice(1, -1)}>`);
    }
    return replacements;
  }

  #log(file: string): string {
    try {
      return readFileSync(join(this.#folder, file), "utf8");
    } catch {
      return "";
    }
  }

  /** Waits until every log file that is written at all has `count` new lines. */
  async #logLines(starts: readonly number[], count: number): Promise<[string, string][]> {
    const deadline = performance.now() + (count === 0 ? NO_LOG_MS : SETTLE_TIMEOUT_MS);
    for (;;) {
      const found = this.#logFiles.map((file, i) =>
        this.#log(file).slice(starts[i]).split("\n").slice(0, -1),
      );
      const enough = count > 0 && found.some((lines) => lines.length >= count);
      if (enough || performance.now() >= deadline) {
        // Another line may be on its way, to this file (a line too many) or to another one.
        await sleep(found.length > 1 ? 25 : 15);
        return this.#logFiles.flatMap((file, i) =>
          this.#log(file)
            .slice(starts[i])
            .split("\n")
            .slice(0, -1)
            .map((line, n): [string, string] => [`${logKey(file)}.${n}`, line]),
        );
      }
      await sleep(4);
    }
  }

  /** Ends upstream connections and waits until the gauges say that nothing is open. */
  async #rest(): Promise<ReadonlyMap<string, number>> {
    for (const upstream of this.#upstreams) upstream.hangUp();
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    let before = await this.#readCounters();
    for (;;) {
      const counters = await this.#readCounters();
      const atRest = busyGauges(counters).length === 0 && isSame(before, counters);
      if (atRest) return counters;
      if (performance.now() >= deadline) return counters;
      before = counters;
      await sleep(4);
    }
  }

  async #readCounters(): Promise<ReadonlyMap<string, number>> {
    const { body } = await this.#proxy.admin("/stats?usedonly");
    const counters = new Map<string, number>();
    for (const line of body.split("\n")) {
      const at = line.lastIndexOf(": ");
      const value = line.slice(at + 2);
      if (at > 0 && /^\d+$/.test(value)) counters.set(line.slice(0, at), Number(value));
    }
    return counters;
  }
}

async function placeholderValues(
  group: DifferentialGroup,
  upstreams: readonly ScriptedUpstream[],
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const names = ["port", "refused"].flatMap((kind) =>
    placeholders(group.bootstrap, kind).map((name) => `@${kind}:${name}@`),
  );
  const ports = await freePorts(names.length);
  for (const [i, name] of names.entries()) values.set(name, String(ports[i]));
  for (const upstream of upstreams)
    values.set(`@upstream:${upstream.name}@`, String(upstream.port));
  for (const file of placeholders(group.bootstrap, "file")) {
    values.set(`@file:${file}@`, join(folder, file));
  }
  return values;
}

/** Gauges that say something of the last case is still open. */
function busyGauges(counters: ReadonlyMap<string, number>): readonly string[] {
  const active = /^(http|cluster|listener|tcp)\.(?!admin).*_active$/;
  return [...counters]
    .filter(([name, value]) => value > 0 && active.test(name))
    .map(([name]) => name);
}

/** Counters of the admin port itself change with every reading. */
function isSame(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  return [...right].every(
    ([name, value]) =>
      left.get(name) === value || !/^(http|cluster|listener|tcp)\.(?!admin)/.test(name),
  );
}

const logKey = (file: string): string => (file === "access.json" ? "log" : `log(${file})`);

function addRecording(
  outcome: OutcomeBuilder,
  name: string,
  recording: ReturnType<ScriptedUpstream["recording"]>,
): void {
  for (const [i, request] of recording.requests.entries()) {
    outcome.message(`upstream.${name}.${i}`, request);
    outcome.set(`upstream.${name}.${i}.connection`, String(request.connection));
  }
  for (const [i, bytes] of recording.otherBytes.entries()) {
    if (bytes !== "") outcome.set(`upstream.${name}.bytes.${i}`, bytes);
  }
}

/** One connection of a case and what came back on it. */
interface PlayedClient {
  readonly client: RawClient;
  readonly results: [string, unknown][];
  closing: boolean;
}

/** Runs the steps of one case and keeps what came back. */
class StepPlayer {
  readonly ports = new Map<string, string>();
  readonly #values: ReadonlyMap<string, string>;
  readonly #proxy: ProxyProcess;
  readonly #upstreams: readonly ScriptedUpstream[];
  readonly #clients: PlayedClient[] = [];
  readonly #adminAnswers: [string, string][] = [];
  #current = 0;

  constructor(
    values: ReadonlyMap<string, string>,
    proxy: ProxyProcess,
    upstreams: readonly ScriptedUpstream[],
  ) {
    this.#values = values;
    this.#proxy = proxy;
    this.#upstreams = upstreams;
  }

  async play(testCase: DifferentialCase): Promise<void> {
    const connectsItself = testCase.steps.find((step) => !isAdmin(step))?.do === "connect";
    const talks = testCase.steps.some((step) => !isAdmin(step));
    if (talks && !connectsItself) await this.#connect(testCase.on, testCase.from ?? null);
    for (const step of testCase.steps) await this.#step(step, testCase);
    for (const { client, closing } of this.#clients) {
      await client.waitForEnd(closing ? ANSWER_TIMEOUT_MS : STAYS_OPEN_MS);
    }
    for (const entry of this.#clients) {
      // Whether the end is a FIN or a RST depends on unread bytes in the kernel.
      entry.results.push(["end", entry.client.end === "open" ? "open" : "closed"]);
      if (entry.client.unread !== "") entry.results.push(["rest", entry.client.unread]);
      entry.client.destroy();
    }
  }

  addTo(outcome: OutcomeBuilder): void {
    for (const [i, { results }] of this.#clients.entries()) {
      for (const [key, value] of results) {
        if (typeof value === "string") outcome.bytes(`client.${i}.${key}`, value);
        else
          outcome.message(`client.${i}.${key}`, value as Parameters<OutcomeBuilder["message"]>[1]);
      }
    }
    for (const [key, value] of this.#adminAnswers) outcome.set(key, value);
  }

  async #connect(on: string, from: string | null): Promise<void> {
    const port = Number(this.#values.get(`@port:${on}@`));
    if (!port) throw new Error(`no port named "${on}" in the bootstrap`);
    const client = await RawClient.connect({ port, ...(from === null ? {} : { from }) });
    this.#current = this.#clients.length;
    this.ports.set(String(client.localPort), `<client-${this.#current}>`);
    this.#clients.push({ client, results: [], closing: false });
  }

  async #step(step: Step, testCase: DifferentialCase): Promise<void> {
    if (step.do === "admin") return this.#admin(step.method, step.path);
    if (step.do === "lines") return this.#lines(step.path, step.only);
    if (step.do === "connect") return this.#connect(step.on ?? testCase.on, step.from);
    if (step.do === "client") {
      this.#current = step.index;
      return;
    }
    if (step.do === "pause") return sleep(step.ms);
    if (step.do === "saw") {
      const upstream = this.#upstreams.find((candidate) => candidate.name === step.upstream);
      await upstream?.saw(step.text, ANSWER_TIMEOUT_MS);
      return;
    }
    if (step.do === "stat") return this.#stat(step.name, step.value);
    const entry = this.#clients[this.#current];
    if (!entry) throw new Error(`${testCase.name}: no connection`);
    const { client, results } = entry;
    if (step.do === "send") await client.send(substituteText(step.text, this.#values));
    else if (step.do === "finish") client.finish();
    else if (step.do === "reset") client.reset();
    else if (step.do === "closed") await client.waitForEnd(ANSWER_TIMEOUT_MS);
    else if (step.do === "drain") await this.#drain(entry, step);
    else if (step.do === "until") {
      results.push([
        `bytes.${results.length}`,
        await client.readUntil(step.text, ANSWER_TIMEOUT_MS),
      ]);
    } else entry.closing = await this.#response(client, results, step.toHead);
  }

  /** Reads answers until it stays quiet; long waits only for what must come. */
  async #drain(entry: PlayedClient, step: Extract<Step, { do: "drain" }>): Promise<void> {
    const { client, results } = entry;
    for (let count = 0; ; count++) {
      const mustCome = count < step.answers;
      const quietMs = count === 0 ? FIRST_ANSWER_MS : STAYS_QUIET_MS;
      const timeoutMs = mustCome ? ANSWER_TIMEOUT_MS : quietMs;
      const { message } = await client.readResponse(step.toHead, timeoutMs);
      if (message === null) break;
      results.push([`response.${results.length}`, message]);
      if (!message.complete) break;
    }
    if (step.closes) await client.waitForEnd(ANSWER_TIMEOUT_MS);
  }

  /** Reads one response; true when the connection is about to close. */
  async #response(
    client: RawClient,
    results: [string, unknown][],
    toHead: boolean,
  ): Promise<boolean> {
    const key = `response.${results.length}`;
    const { message, problem } = await client.readResponse(toHead, ANSWER_TIMEOUT_MS);
    if (message !== null) results.push([key, message]);
    if (problem !== "") results.push([`${key}.problem`, problem]);
    return problem !== "" || (message?.headers.includes("connection: close") ?? false);
  }

  async #admin(method: "GET" | "POST", path: string): Promise<void> {
    const answer = await this.#proxy.admin(substituteText(path, this.#values), method);
    const key = `admin.${this.#adminAnswers.length} ${method} ${path}`;
    this.#adminAnswers.push([`${key}.status`, String(answer.status)]);
    this.#adminAnswers.push([`${key}.body`, canonicalJson(answer.body)]);
  }

  async #stat(name: string, value: number): Promise<void> {
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    const wanted = `${name}: ${value}`;
    for (;;) {
      const { body } = await this.#proxy.admin("/stats");
      if (body.split("\n").includes(wanted)) return;
      if (performance.now() >= deadline) throw new Error(`not seen: ${wanted}`);
      await sleep(2);
    }
  }

  async #lines(path: string, only: RegExp): Promise<void> {
    const { body } = await this.#proxy.admin(path);
    for (const line of body.split("\n")) {
      const at = line.lastIndexOf(line.includes("{") || !line.includes(": ") ? " " : ": ");
      const name = line.slice(0, at);
      if (at < 0 || line.startsWith("#") || !only.test(name)) continue;
      // A sample without labels is the same sample with and without braces.
      const braces = path.includes("prometheus") && !name.includes("{") ? "{}" : "";
      this.#adminAnswers.push([
        `admin ${path} ${name}${braces}`,
        line.slice(at).replace(/^[: ]+/, ""),
      ]);
    }
  }
}

const isAdmin = (step: Step): boolean => step.do === "admin" || step.do === "lines";

/** JSON with one value per line, so that key order and white space do not count. */
function canonicalJson(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    return JSON.stringify(JSON.parse(text), sortedKeys, 1);
  } catch {
    return text;
  }
}

// Envoy lists named things in the order of a hash map.
const hasName = (item: unknown): item is { name: string } =>
  typeof item === "object" && item !== null && "name" in item;
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

function sortedKeys(_key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.every(hasName) ? [...value].sort(byName) : value;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
