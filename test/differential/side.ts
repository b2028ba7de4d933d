// One proxy under comparison with its own upstreams, ports and log files; plays cases on it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { burst } from "../kit/burst-client.ts";
import { freePorts, type ProxyCommand, ProxyProcess } from "../kit/proxy-process.ts";
import { ScriptedUpstream } from "../kit/scripted-upstream.ts";
import { settle, sleep, withBarrier } from "./barrier.ts";
import { type Message, placeholders, substitute } from "./bootstrap.ts";
import { type DifferentialCase, type DifferentialGroup, get } from "./case.ts";
import type { Counts, DistributionCase } from "./distribution.ts";
import { type Outcome, OutcomeBuilder, renamed } from "./outcome.ts";
import { StepPlayer } from "./step-player.ts";

/** Longest wait for access-log lines and for gauges to go back to rest. */
const SETTLE_TIMEOUT_MS = 10_000;
/** How long to look for log lines that should not come. */
const NO_LOG_MS = 40;

/** Files that a proxy writes by itself: compared by `fileLines`. */
const EVENTS = /\.events$/;

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
  /** Upstreams that cases leave alone. */
  readonly #standing: ReadonlySet<string>;
  #counters: ReadonlyMap<string, number> = new Map();

  private constructor(
    proxy: ProxyProcess,
    folder: string,
    values: ReadonlyMap<string, string>,
    upstreams: readonly ScriptedUpstream[],
    group: DifferentialGroup,
  ) {
    this.name = proxy.name;
    this.#proxy = proxy;
    this.#folder = folder;
    this.#values = values;
    this.#upstreams = upstreams;
    this.#logFiles = placeholders(group.bootstrap, "file").filter((file) => !EVENTS.test(file));
    this.#standing = new Set(Object.keys(group.standing ?? {}));
  }

  /** Starts upstreams and the proxy; tries again when a port was taken in between. */
  static async start(command: ProxyCommand, group: DifferentialGroup): Promise<Side> {
    const folder = mkdtempSync(join(tmpdir(), `differential-${group.name}-`));
    const files = group.files ?? {};
    const all = { bootstrap: group.bootstrap, files };
    const upstreams = placeholders(all, "upstream").map((n) => new ScriptedUpstream(n));
    const standing = group.standing ?? {};
    await Promise.all(upstreams.map((upstream) => upstream.start()));
    const bootstrap = withBarrier(group.bootstrap);
    for (let attempt = 1; ; attempt++) {
      const values = await placeholderValues({ bootstrap, files }, upstreams, folder);
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(join(folder, name), JSON.stringify(substitute(content, values)));
      }
      for (const upstream of upstreams) upstream.play(standing[upstream.name] ?? {});
      const file = join(folder, "bootstrap.yaml");
      writeFileSync(file, stringify(substitute(bootstrap, values), YAML_OPTIONS));
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
        const side = new Side(proxy, folder, values, upstreams, group);
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
    for (const upstream of this.#moving) {
      upstream.play(testCase.upstreams?.[upstream.name] ?? {});
    }
    const player = new StepPlayer(this.#values, this.#proxy, this.#upstreams);
    const replacements = this.#replacements();
    await player.play(testCase);
    for (const [port, name] of player.ports) replacements.set(port, name);
    const lines = await this.#logLines(logStarts, testCase.logs ?? 1);
    const recorded = this.#upstreams.filter(
      ({ name }) => !this.#standing.has(name) || testCase.standing?.includes(name),
    );
    const recordings = recorded.map((upstream) => upstream.recording());
    for (const { peerPorts } of recordings) {
      for (const [i, port] of peerPorts.entries()) {
        // A client may have the same port towards the proxy; it was named first.
        if (!replacements.has(String(port))) replacements.set(String(port), `<to-upstream-${i}>`);
      }
    }
    const outcome = new OutcomeBuilder(replacements, testCase.keepRequestIds ?? false);
    player.addTo(outcome);
    for (const [i, recording] of recordings.entries()) {
      addRecording(outcome, recorded[i]?.name ?? "", recording);
    }
    for (const [key, line] of lines) outcome.logLine(key, line);
    const after = await this.#rest();
    // A gauge that does not come to rest is a leak.
    for (const name of busyGauges(after)) outcome.set(`leak.${name}`, String(after.get(name)));
    if (testCase.counters !== false) outcome.counters(this.#counters, after);
    this.#counters = after;
    const reached = this.#upstreams
      .filter(({ name }) => testCase.alike?.includes(name))
      .sort((a, b) => a.firstContactMs - b.firstContactMs || (a.name < b.name ? -1 : 1));
    return renamed(
      outcome.outcome,
      reached.map(({ name }) => name),
    );
  }

  /** Plays a distribution: how many answers of each kind came. */
  async count(testCase: DistributionCase): Promise<Counts> {
    for (const upstream of this.#upstreams) upstream.play({ burst: true });
    const port = Number(this.#values.get(`@port:${testCase.on}@`));
    if (!port) throw new Error(`no port named "${testCase.on}" in the bootstrap`);
    const counts = await burst({
      port,
      request: testCase.request ?? get("/"),
      requests: testCase.requests ?? 20_000,
      connections: testCase.connections ?? 4,
    });
    this.#counters = await this.#rest();
    return counts;
  }

  get #moving(): readonly ScriptedUpstream[] {
    return this.#upstreams.filter(({ name }) => !this.#standing.has(name));
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

  /** New lines of the log files, once one file has `count` and nothing waits to be written. */
  async #logLines(starts: readonly number[], count: number): Promise<[string, string][]> {
    if (count === 0) await sleep(NO_LOG_MS);
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    while (count > 0 && performance.now() < deadline) {
      const found = this.#logFiles.map((_, i) => this.#linesSince(starts, i).length);
      if (found.some((lines) => lines >= count)) break;
      await sleep(4);
    }
    // Another line may be on its way, to this file (a line too many) or to another one.
    await this.#settle();
    await this.#logsWritten(deadline);
    return this.#logFiles.flatMap((file, i) =>
      this.#linesSince(starts, i).map((line, n): [string, string] => [
        `${logKey(file)}.${n}`,
        line,
      ]),
    );
  }

  #linesSince(starts: readonly number[], index: number): readonly string[] {
    const text = this.#log(this.#logFiles[index] as string).slice(starts[index]);
    return text.split("\n").slice(0, -1);
  }

  async #logsWritten(deadline: number): Promise<void> {
    if (this.#logFiles.length === 0) return;
    while (performance.now() < deadline) {
      const counters = await this.#readCounters();
      if ((counters.get("filesystem.write_total_buffered") ?? 0) === 0) return;
      await sleep(4);
    }
  }

  #settle(): Promise<void> {
    return settle(Number(this.#values.get("@port:barrier@")));
  }

  /** Ends upstream connections and waits until the gauges say that nothing is open. */
  async #rest(): Promise<ReadonlyMap<string, number>> {
    for (const upstream of this.#upstreams) {
      if (this.#standing.has(upstream.name)) upstream.hangUpTraffic();
      else upstream.hangUp();
    }
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    await this.#settle();
    let before = await this.#readCounters();
    for (;;) {
      await this.#settle();
      const counters = await this.#readCounters();
      const atRest = busyGauges(counters).length === 0 && isSame(before, counters);
      if (atRest || performance.now() >= deadline) return counters;
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
  bootstrap: Message,
  upstreams: readonly ScriptedUpstream[],
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const names = ["port", "refused"].flatMap((kind) =>
    placeholders(bootstrap, kind).map((name) => `@${kind}:${name}@`),
  );
  const ports = await freePorts(names.length);
  for (const [i, name] of names.entries()) values.set(name, String(ports[i]));
  for (const { name, port } of upstreams) {
    values.set(`@upstream:${name}@`, String(port));
    // The upstream as sessions carry it: in a header, and in a cookie (a protobuf message).
    const address = Buffer.from(`127.0.0.1:${port}`);
    const message = Buffer.concat([Buffer.of(0x0a, address.length), address]);
    values.set(`@host:${name}@`, address.toString("base64"));
    values.set(`@session:${name}@`, message.toString("base64"));
  }
  for (const file of placeholders(bootstrap, "file")) {
    values.set(`@file:${file}@`, join(folder, file));
  }
  for (const file of placeholders(bootstrap, "source")) {
    values.set(`@source:${file}@`, join(folder, file));
  }
  return values;
}

/** Gauges that say something of the last case is still open. */
function busyGauges(counters: ReadonlyMap<string, number>): readonly string[] {
  const active =
    /^(http|cluster|listener|tcp)\.(?!admin|barrier)(?!.*(?:ejections|lb_subsets)_active$).*_active$/;
  return [...counters]
    .filter(([name, value]) => value > 0 && active.test(name))
    .map(([name]) => name);
}

/** Counters of the admin port itself change with every reading. */
function isSame(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  return [...right].every(
    ([name, value]) =>
      left.get(name) === value || !/^(http|cluster|listener|tcp)\.(?!admin|barrier)/.test(name),
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
