/**
 * The data planes of worker threads: starts them, and replaces one that dies. Its connections are
 * lost; what waits to be accepted is not, nor are numbers, limits and configuration.
 */
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Logger } from "../../log/logger.ts";
import type { Thread, ThreadFactory } from "../../platform/threads.ts";
import type { Timer, Timers } from "../../platform/time.ts";
import type { WorkerStats } from "../../stats/groups/worker-stats.ts";
import type { StatsReader } from "../../stats/stats-reader.ts";
import type { ConfigTurns } from "../config-turns.ts";
import type { ConfigUpdate } from "../data-plane.ts";
import type { PlaneSource } from "../data-planes.ts";
import { ConfigJournal } from "./config-journal.ts";
import type { PlaneInit } from "./plane-messages.ts";
import { RestartBackoff } from "./restart-backoff.ts";
import { ThreadPort, type ThreadPortServices } from "./thread-port.ts";
import { ThreadWatch } from "./thread-watch.ts";

export interface ThreadedPlanesServices extends ThreadPortServices {
  readonly threads: ThreadFactory;
  readonly timers: Timers & { monotonicMs(): number };
  readonly turns: ConfigTurns;
  readonly reader: StatsReader;
  readonly stats: WorkerStats;
  readonly logger: Logger;
  init(id: number): PlaneInit;
  /**
   * Gives back what a dead data plane had taken of shared memory; the result the rest, once its
   * successor serves.
   */
  reclaim(id: number): () => void;
}

/** One number 0 … N−1 and the thread that has it at the moment. */
interface Worker {
  readonly id: number;
  readonly backoff: RestartBackoff;
  thread: Thread | null;
  port: ThreadPort | null;
  watch: ThreadWatch | null;
  /** It has the configuration. */
  serves: boolean;
  restart: Timer | null;
  /** What the dead ones before it still hold of shared memory. */
  giveBack: () => void;
}

export class ThreadedPlanes implements PlaneSource {
  private readonly services: ThreadedPlanesServices;
  private readonly workers: Worker[];
  private readonly journal = new ConfigJournal();
  private started = false;
  private stopped: "none" | "inbound" | "all" = "none";
  private closing = false;

  constructor(services: ThreadedPlanesServices, dataPlanes: number) {
    this.services = services;
    this.workers = Array.from({ length: dataPlanes }, (_, id) => ({
      id,
      backoff: new RestartBackoff(services.timers),
      thread: null,
      port: null,
      watch: null,
      serves: true,
      restart: null,
      giveBack: () => undefined,
    }));
    for (const worker of this.workers) this.start(worker);
  }

  ports(): ThreadPort[] {
    return this.workers.flatMap(({ port, serves }) => (serves && port !== null ? [port] : []));
  }

  committing(
    update: ConfigUpdate,
    diagnostics: readonly Diagnostic[],
  ): (problems: readonly Diagnostic[]) => void {
    return this.journal.record(update, diagnostics);
  }

  starting(): void {
    this.started = true;
  }

  /**
   * The main thread lets go first: then a connection that waits on a socket is lost only when its
   * worker closes it, as with one thread.
   */
  stopping(direction: "all" | "inbound"): void {
    if (this.stopped !== "all") this.stopped = direction;
    if (direction === "all") this.services.ports.letGo();
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const { restart, watch } of this.workers) {
      restart?.close();
      watch?.close();
    }
    const open = this.workers.flatMap(({ port }) => (port === null ? [] : [port]));
    await Promise.all(open.map((port) => port.close()));
    for (const { thread } of this.workers) thread?.terminate();
    this.services.ports.close();
  }

  private start(worker: Worker): ThreadPort {
    const { services } = this;
    const { id } = worker;
    const thread = services.threads.start(`worker_${id}`, services.init(id));
    const port = new ThreadPort(id, thread, services);
    worker.thread = thread;
    worker.port = port;
    worker.backoff.started();
    worker.watch = new ThreadWatch(port.calls, services.timers, (reason) => {
      services.logger.critical(`worker ${id} ${reason}: it is ended`);
      thread.terminate();
    });
    services.reader.addSlab(port.mirror);
    thread.onEnd = (reason) => this.onEnd(worker, port, reason);
    return port;
  }

  private onEnd(worker: Worker, port: ThreadPort, reason: string): void {
    const { services } = this;
    const { id } = worker;
    worker.watch?.close();
    worker.thread = null;
    worker.port = null;
    worker.serves = false;
    port.ended();
    if (this.closing) return;
    services.reader.retireSlab(port.mirror);
    worker.giveBack = services.reclaim(id);
    services.ports.orphan(id);
    services.stats.workerCrashes.inc();
    const delayMs = worker.backoff.nextDelayMs();
    const when = delayMs === 0 ? "at once" : `in ${delayMs} ms`;
    services.logger.critical(
      `worker ${id} ended (${reason}); its connections are lost; another one starts ${when}`,
    );
    this.handOver(id);
    worker.restart = services.timers.after(delayMs, () => void this.replace(worker));
  }

  /** Somebody else accepts what waits on the sockets of a dead worker. */
  private handOver(id: number): void {
    const [heir] = this.ports();
    if (heir === undefined || this.stopped === "all") return;
    for (const { port, descriptor } of this.services.ports.descriptorsOf(id)) {
      heir.calls.tell({ kind: "adopt", port, descriptor });
    }
  }

  private async replace(worker: Worker): Promise<void> {
    const { services } = this;
    const endTurn = await services.turns.take();
    try {
      if (!this.closing && worker.port === null) await this.bringUp(worker);
    } catch (error) {
      services.logger.critical(`worker ${worker.id} cannot be configured: ${String(error)}`);
      worker.thread?.terminate();
    } finally {
      endTurn();
    }
  }

  private async bringUp(worker: Worker): Promise<void> {
    const { services } = this;
    const port = this.start(worker);
    if (this.stopped !== "none") port.stopListeners(this.stopped);
    const part = await port.prepare(this.journal.current());
    if (part === null) return;
    for (const { path, message, severity } of part.diagnostics) {
      if (severity === "error") services.logger.error(`worker ${worker.id}: ${path}: ${message}`);
    }
    // Listeners may warm for long: nobody waits for them.
    void part.commit().then((problems) => this.settled(worker, port, problems));
  }

  private settled(worker: Worker, port: ThreadPort, problems: readonly Diagnostic[]): void {
    const { services } = this;
    if (worker.port !== port || this.closing) return;
    for (const { message } of problems) services.logger.error(`worker ${worker.id}: ${message}`);
    worker.serves = true;
    // They may have changed since it was started.
    port.refreshRuntime();
    port.refreshConditions();
    if (this.stopped !== "none") port.stopListeners(this.stopped);
    if (this.started) port.started();
    services.ports.settle(worker.id);
    worker.giveBack();
    worker.giveBack = () => undefined;
    for (const other of this.ports()) if (other !== port) other.calls.tell({ kind: "giveBack" });
    services.stats.workerRestarts.inc();
    services.logger.info(`worker ${worker.id} serves again`);
  }
}
