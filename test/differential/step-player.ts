// Plays the steps of one case on one proxy and keeps what came back. Waiting is for events; where
// nothing may come, for a short window and then until the proxy has done what it had to
// (barrier.ts).
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ProxyProcess } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import type { ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { settle, sleep } from "./barrier.ts";
import { substitute, substituteText } from "./bootstrap.ts";
import type { DifferentialCase, Step } from "./case.ts";
import type { OutcomeBuilder } from "./outcome.ts";

/** Longest wait for an answer or an end of connection that must come. */
const ANSWER_TIMEOUT_MS = 15_000;
/** How long a connection that nobody announced to close is watched. */
const STAYS_OPEN_MS = 12;
/** How long to wait for an answer that may not come, and for more after one. */
const FIRST_ANSWER_MS = 250;
const STAYS_QUIET_MS = 90;

/** One connection of a case and what came back on it. */
interface PlayedClient {
  readonly client: RawClient;
  readonly results: [string, unknown][];
  closing: boolean;
}

/** Runs the steps of one case and keeps what came back. */
export class StepPlayer {
  readonly ports: Map<string, string> = new Map();
  readonly #values: ReadonlyMap<string, string>;
  readonly #proxy: ProxyProcess;
  readonly #upstreams: readonly ScriptedUpstream[];
  readonly #clients: PlayedClient[] = [];
  readonly #adminAnswers: [string, string][] = [];
  readonly #fileLines: [string, string][] = [];
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
    for (const [key, line] of this.#fileLines) outcome.bytes(key, line);
  }

  #settle(): Promise<void> {
    return settle(Number(this.#values.get("@port:barrier@")));
  }

  async #connect(on: string, from: string | null): Promise<void> {
    const port = Number(this.#values.get(`@port:${on}@`));
    if (!port) throw new Error(`no port named "${on}" in the bootstrap`);
    const options = from === null ? {} : { from };
    const client = await RawClient.connect({ port, settle: () => this.#settle(), ...options });
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
    if (step.do === "publish") return this.#publish(step);
    if (step.do === "file") return this.#file(step.name, step.lines);
    if (step.do === "page") return this.#page(step.path, step.only);
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

  async #publish({ file, scope, content }: Extract<Step, { do: "publish" }>): Promise<void> {
    const path = this.#values.get(`@source:${file}@`);
    if (path === undefined) throw new Error(`no source named "${file}" in the bootstrap`);
    const before = await this.#updates(scope);
    writeFileSync(`${path}.new`, JSON.stringify(substitute(content, this.#values)));
    renameSync(`${path}.new`, path);
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    while ((await this.#updates(scope)) === before) {
      if (performance.now() >= deadline) throw new Error(`${file}: nobody took the new version`);
      await sleep(2);
    }
  }

  /** Versions that a subscription took, refused or could not read. */
  async #updates(scope: string): Promise<number> {
    const { body } = await this.#proxy.admin("/stats");
    let sum = 0;
    for (const line of body.split("\n")) {
      const at = line.lastIndexOf(": ");
      const name = line.slice(0, at);
      if (!name.startsWith(scope)) continue;
      if (!/^update_(success|rejected|failure)$/.test(name.slice(scope.length))) continue;
      sum += Number(line.slice(at + 2));
    }
    return sum;
  }

  async #file(name: string, lines: number): Promise<void> {
    const path = this.#values.get(`@file:${name}@`) ?? "";
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const found = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
      if (found.length >= lines || performance.now() >= deadline) {
        for (const [i, line] of found.entries()) {
          this.#fileLines.push([`${name}.${i}`, line.replace(TIMESTAMP, '"timestamp":"<time>"')]);
        }
        return;
      }
      await sleep(4);
    }
  }

  async #page(path: string, only: RegExp): Promise<void> {
    const { body } = await this.#proxy.admin(path);
    const found = body.split("\n").filter((line) => only.test(line));
    this.#adminAnswers.push([`admin ${path} ${only.source}`, found.join("\n")]);
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

const TIMESTAMP = /"timestamp":"[^"]+Z"/;

const isAdmin = (step: Step): boolean =>
  step.do === "admin" ||
  step.do === "stat" ||
  step.do === "lines" ||
  step.do === "file" ||
  step.do === "page";

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
