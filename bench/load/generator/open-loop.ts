// Open loop: requests go out at times fixed beforehand whatever the answers do. A request whose
// connection is still busy waits there, and its latency counts from the time it was meant to go.
import type { Histogram } from "hdr-histogram-js";
import type { LoadResult } from "../engines/load-result.ts";
import { ClientConnection, PreparedRequest } from "./connection.ts";
import { createHistogram, encodeHistogram, recordMicros, summarise } from "./histogram.ts";
import type { OpenJob } from "./job.ts";
import type { Ready } from "./main.ts";
import { startMetronome } from "./metronome.ts";
import { buildSchedule, type Schedule } from "./schedule.ts";

const JITTER = 0.1;
/** Answers later than this after the last intended time count as errors. */
const PATIENCE_MS = 5000;
const START_DELAY_MICROS = 20_000;

export function runOpen(job: OpenJob, ready: Ready): Promise<LoadResult> {
  return new OpenLoop(job).execute(ready);
}

class OpenLoop {
  readonly #job: OpenJob;
  readonly #schedule: Schedule;
  readonly #request: PreparedRequest;
  readonly #connections: ClientConnection[] = [];
  /** Intended times that wait for their connection, per connection. */
  readonly #waiting: number[][] = [];
  readonly #latency: Histogram = createHistogram();
  readonly #lag: Histogram = createHistogram();
  readonly #control: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8));
  #startMicros = 0;
  #next = 0;
  #completed = 0;
  #errors = 0;
  #closing = false;
  #finish: () => void = () => {};

  constructor(job: OpenJob) {
    this.#job = job;
    this.#request = new PreparedRequest(job.shape);
    this.#schedule = buildSchedule({ ...job, jitter: JITTER });
  }

  async execute(ready: Ready): Promise<LoadResult> {
    await this.#openAll();
    await ready();
    const total = this.#schedule.intendedMicros.length;
    const { startNanos, startMicros } = startTime();
    this.#startMicros = startMicros;
    const { intendedMicros } = this.#schedule;
    const metronome = startMetronome({ intendedMicros, control: this.#control, startNanos }, () => {
      Atomics.store(this.#control, 0, 0);
      this.#sendDue();
    });
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      setTimeout(resolve, this.#job.seconds * 1000 + PATIENCE_MS).unref();
    });
    const elapsed = (performance.now() * 1000 - this.#startMicros) / 1e6;
    this.#closing = true;
    Atomics.store(this.#control, 1, 1);
    for (const connection of this.#connections) connection.close();
    await metronome.terminate();
    const lag = summarise(this.#lag);
    return {
      engine: "own open loop",
      completed: this.#completed,
      errors: this.#errors + (total - this.#completed - this.#errors),
      seconds: Math.max(elapsed, this.#job.seconds),
      bytes: 0,
      latencyMicros: summarise(this.#latency),
      histogram: encodeHistogram(this.#latency),
      ...(lag === null ? {} : { sendLagMicros: { p50: lag.p50, p99: lag.p99 } }),
    };
  }

  #openAll(): Promise<void> {
    return new Promise((resolve) => {
      let open = 0;
      for (let index = 0; index < this.#job.connections; index++) {
        this.#waiting[index] = [];
        this.#connections[index] = new ClientConnection(this.#job.port, index, this, () => {
          if (++open === this.#job.connections) resolve();
        });
      }
    });
  }

  #sendDue(): void {
    const { intendedMicros, connection } = this.#schedule;
    const now = performance.now() * 1000 - this.#startMicros;
    while (this.#next < intendedMicros.length && (intendedMicros[this.#next] as number) <= now) {
      const intended = intendedMicros[this.#next] as number;
      const index = connection[this.#next] as number;
      this.#next++;
      recordMicros(this.#lag, now - intended);
      const target = this.#connectionFor(index);
      if (target.busy || target.ended) this.#waiting[index]?.push(intended);
      else target.send(this.#request, intended);
    }
  }

  /** The request's own connection, or with a pool the next one that is free. */
  #connectionFor(index: number): ClientConnection {
    const own = this.#connections[index] as ClientConnection;
    if (!this.#job.pooled || (!own.busy && !own.ended)) return own;
    const { connections } = this.#job;
    for (let step = 1; step < connections; step++) {
      const other = this.#connections[(index + step) % connections] as ClientConnection;
      if (!other.busy && !other.ended) return other;
    }
    return own;
  }

  onResponse(connection: ClientConnection): void {
    const now = performance.now() * 1000 - this.#startMicros;
    if (connection.reader.status === 200) this.#completed++;
    else this.#errors++;
    recordMicros(this.#latency, now - connection.intendedMicros);
    const intended = connection.reader.closes
      ? undefined
      : this.#waiting[connection.index]?.shift();
    if (intended !== undefined) connection.send(this.#request, intended);
    this.#checkEnd();
  }

  onEnd(connection: ClientConnection, lost: boolean): void {
    if (this.#closing) return;
    if (lost) this.#errors++;
    const { index } = connection;
    setTimeout(() => {
      if (this.#closing) return;
      const fresh = new ClientConnection(this.#job.port, index, this, () => {
        const intended = this.#waiting[index]?.shift();
        if (intended !== undefined && !fresh.busy) fresh.send(this.#request, intended);
      });
      this.#connections[index] = fresh;
    }, 1);
    this.#checkEnd();
  }

  #checkEnd(): void {
    const total = this.#schedule.intendedMicros.length;
    if (this.#completed + this.#errors >= total) this.#finish();
  }
}

/** One moment in both clocks; read again when something came between the two readings. */
function startTime(): { readonly startNanos: bigint; readonly startMicros: number } {
  for (;;) {
    const before = performance.now();
    const nanos = process.hrtime.bigint();
    const after = performance.now();
    if (after - before < 0.005) {
      return {
        startNanos: nanos + BigInt(START_DELAY_MICROS * 1000),
        startMicros: after * 1000 + START_DELAY_MICROS,
      };
    }
  }
}
