// One laboratory per scenario run: upstreams and generator once, targets started fresh, and the
// measuring of one load on one target.
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findPeer } from "../../test/kit/find-envoy.ts";
import type { LoadResult } from "./engines/load-result.ts";
import { runWrk } from "./engines/wrk.ts";
import { GeneratorProcess } from "./generator/process.ts";
import { Hosts } from "./hosts-process.ts";
import type { BenchOptions } from "./options.ts";
import { type Undisturbed, undisturbed } from "./processes/disturbance.ts";
import { cpuMicrosBetween, readCpu, readMemory, treePids } from "./processes/proc-stat.ts";
import { LOAD_CORE, movePinned, PROXY_CORE, start, stop } from "./processes/spawn.ts";
import { type Metrics, type Sample, twinName } from "./report/result.ts";
import type { RequestShape } from "./request.ts";
import type { RunningTarget, Target, TargetSetup } from "./targets/target.ts";
import { NGINX_SIZES, startNginxUpstream } from "./upstream-nginx.ts";

/** A target that runs, under the name it has in the tables. */
export interface Entry {
  readonly label: string;
  readonly target: Target;
  readonly running: RunningTarget;
}

/** Hosts of the failure and churn scenarios. */
const HOSTS = 10;

/** Share of one core that other programs may use before a window is measured again. */
const OTHERS_PERCENT_MAX = 20;

/** What a scenario says about the start of a target; the rest has defaults. */
export type StartSetup = Pick<TargetSetup, "mode" | "upstreamPort"> &
  Partial<Omit<TargetSetup, "folder" | "mode" | "upstreamPort">>;

export interface LabSetup {
  readonly options: BenchOptions;
  readonly folder: string;
  readonly targets: readonly Target[];
  /** The script that plays the helper roles (generator, upstream) when started with their name. */
  readonly entryScript: string;
  readonly progress: (text: string) => void;
}

export class Lab {
  readonly options: BenchOptions;
  readonly samples: Sample[] = [];
  readonly notes: string[] = [];
  readonly wrk: string | null;
  readonly progress: (text: string) => void;
  readonly targets: readonly Target[];
  readonly folder: string;
  readonly #entryScript: string;
  readonly #children: ChildProcess[] = [];
  #generator: GeneratorProcess | null = null;
  #loadCore: number = LOAD_CORE;
  #starts = 0;
  #httpPort = 0;
  #tcpPort = 0;
  #nginxPort = 0;

  constructor(setup: LabSetup) {
    this.options = setup.options;
    this.folder = setup.folder;
    this.targets = setup.targets;
    this.progress = setup.progress;
    this.#entryScript = setup.entryScript;
    const wrk = findPeer("wrk");
    this.wrk = setup.options.engine === "own" ? null : wrk;
    if (setup.options.engine === "wrk" && wrk === null) throw new Error("wrk is not installed");
  }

  /** Starts the upstreams and the generator. */
  async open(): Promise<void> {
    const child = this.#startHelper("@upstream");
    const ports = await new Promise<{ httpPort: number; tcpPort: number }>((resolve, reject) => {
      child.once("message", (message) => resolve(message as { httpPort: number; tcpPort: number }));
      child.once("exit", () => reject(new Error("the upstream process ended early")));
    });
    this.#httpPort = ports.httpPort;
    this.#tcpPort = ports.tcpPort;
    const nginx = this.options.upstream === "node" ? null : findPeer("nginx");
    if (nginx !== null) {
      const upstream = await startNginxUpstream(nginx, join(this.folder, "upstream-nginx"));
      this.#children.push(upstream.child);
      this.#nginxPort = upstream.port;
    } else if (this.options.upstream === "nginx") throw new Error("nginx is not installed");
    this.#generator = new GeneratorProcess(this.#startHelper("@generator"));
  }

  /** Starts ten hosts of which the last can be made to misbehave. */
  openHosts(): Promise<Hosts> {
    const good = this.#startHelper("@hosts", [String(HOSTS - 1)]);
    return Hosts.open(good, this.#startHelper("@hosts", ["1"]));
  }

  async close(): Promise<void> {
    for (const child of this.#children) await stop(child);
  }

  /**
   * Where generator and upstream run: a core of their own, or the proxy's. A wake-up across cores
   * is an interrupt, which a virtual machine pays dearly for (here 13 µs); on one core it costs
   * nothing.
   */
  place(placement: "split" | "one core"): void {
    this.#loadCore = placement === "split" ? LOAD_CORE : PROXY_CORE;
    const pids = this.#children.flatMap((child) => treePids(child.pid ?? 0));
    movePinned(pids, this.#loadCore);
  }

  get generator(): GeneratorProcess {
    if (this.#generator === null) throw new Error("the lab is not open");
    return this.#generator;
  }

  get tcpPort(): number {
    return this.#tcpPort;
  }

  /** The cheapest upstream that can answer this shape. */
  upstreamPort(shape: RequestShape): number {
    const byNginx =
      shape.method === "GET" && NGINX_SIZES.some((size) => shape.path === `/bytes/${size}`);
    return byNginx && this.#nginxPort !== 0 ? this.#nginxPort : this.#httpPort;
  }

  /** Starts every target that can do this, plus the A/A twin of the first real proxy. */
  async startTargets(setup: StartSetup, only?: readonly string[]): Promise<readonly Entry[]> {
    const able = this.selectTargets(only).filter((target) => target.modes.includes(setup.mode));
    const twin = this.options.twin ? able.find((target) => target.name !== "direct") : undefined;
    const wanted = able.flatMap((target) =>
      target === twin
        ? [
            { label: target.name, target },
            { label: twinName(target.name), target },
          ]
        : [{ label: target.name, target }],
    );
    const entries: Entry[] = [];
    for (const { label, target } of wanted) {
      const running = await this.startOne(target, setup);
      if (running !== null) entries.push({ label, target, running });
    }
    return entries;
  }

  /** The targets of this run, or those of them that `only` names; builds go by their base name. */
  selectTargets(only?: readonly string[]): readonly Target[] {
    return this.targets.filter(
      (target) => only === undefined || only.includes(target.name.split(":")[0] as string),
    );
  }

  /** Starts one target in a folder of its own; a failure is noted and the target left out. */
  async startOne(target: Target, setup: StartSetup): Promise<RunningTarget | null> {
    const folder = join(this.folder, `${this.#starts++}-${target.name.replace(/\W/g, "-")}`);
    mkdirSync(folder, { recursive: true });
    try {
      return await target.start({ bulk: false, direct: false, ...setup, folder });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.note(`${target.name} did not start (${setup.mode}): ${text}`);
      return null;
    }
  }

  async stopTargets(entries: readonly Entry[]): Promise<void> {
    for (const { running } of entries) if (running.child !== null) await stop(running.child);
  }

  /** Saturation: wrk when installed, else the generator's closed loop. */
  saturate(
    entry: Entry,
    shape: RequestShape,
    connections: number,
    seconds: number,
  ): Promise<LoadResult> {
    const port = entry.running.port;
    if (this.wrk !== null && !shape.chunked) {
      return runWrk({
        wrk: this.wrk,
        folder: this.folder,
        port,
        connections,
        seconds,
        shape,
        core: this.#loadCore,
      });
    }
    return this.generator.run({ kind: "closed", port, connections, seconds, shape });
  }

  /** Measures a window again while other programs disturb it. */
  undisturbed<T>(window: () => Promise<T>): Promise<Undisturbed<T>> {
    const { tries } = this.options;
    return undisturbed(window, { othersPercentMax: OTHERS_PERCENT_MAX, tries });
  }

  /** Runs `load` and reads the target's CPU around it. */
  async measure(entry: Entry, load: () => Promise<LoadResult>): Promise<Measured> {
    const pid = entry.running.child?.pid;
    const before = pid === undefined ? null : readCpu(pid);
    const result = await load();
    const after = pid === undefined ? null : readCpu(pid);
    const cpuMicros = before === null || after === null ? null : cpuMicrosBetween(before, after);
    return { result, cpuMicros };
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  #startHelper(role: string, args: readonly string[] = []): ChildProcess {
    const child = start({
      command: [process.execPath, this.#entryScript, role, ...args],
      cores: String(LOAD_CORE),
      logPath: join(this.folder, `${role.slice(1)}.log`),
      ipc: true,
    });
    this.#children.push(child);
    return child;
  }
}

export interface Measured {
  readonly result: LoadResult;
  readonly cpuMicros: number | null;
}

/** The metrics of a request load. */
export function requestMetrics(entry: Entry, measured: Measured): Metrics {
  const { result, cpuMicros } = measured;
  const metrics: Record<string, number> = {
    requestsPerSecond: result.completed / result.seconds,
    errors: result.errors,
    ...memoryMetrics(entry),
  };
  if (cpuMicros !== null && result.completed > 0) {
    metrics["cpuMicrosPerRequest"] = cpuMicros / result.completed;
    metrics["busyPercent"] = cpuMicros / result.seconds / 10_000;
  }
  if (result.latencyMicros !== null) {
    metrics["p50Micros"] = result.latencyMicros.p50;
    metrics["p90Micros"] = result.latencyMicros.p90;
    metrics["p99Micros"] = result.latencyMicros.p99;
    metrics["p999Micros"] = result.latencyMicros.p999;
  }
  if (result.sendLagMicros !== undefined) {
    metrics["sendLagP99Micros"] = result.sendLagMicros.p99;
  }
  return metrics;
}

/** RSS, PSS and private dirty now. */
export function memoryMetrics(entry: Entry): Metrics {
  const pid = entry.running.child?.pid;
  const memory = pid === undefined ? null : readMemory(pid);
  if (memory === null) return {};
  return {
    rssMb: memory.rssKb / 1024,
    pssMb: memory.pssKb / 1024,
    privateMb: memory.privateDirtyKb / 1024,
  };
}
