// Closed loop: every connection sends its next request when the last was answered. Maximum
// throughput, connection rate (`close`), and a fixed count of large bodies.
import type { Histogram } from "hdr-histogram-js";
import type { LoadResult } from "../engines/load-result.ts";
import type { RequestShape } from "../request.ts";
import { ClientConnection, PreparedRequest } from "./connection.ts";
import { createHistogram, encodeHistogram, recordMicros, summarise } from "./histogram.ts";
import type { ClosedJob, CountJob } from "./job.ts";
import type { Ready } from "./main.ts";

export function runClosed(job: ClosedJob, ready: Ready): Promise<LoadResult> {
  const run = new ClosedLoop(job.port, job.connections, job.shape);
  return run.execute(ready, Number.POSITIVE_INFINITY, job.seconds);
}

export function runCount(job: CountJob, ready: Ready): Promise<LoadResult> {
  const run = new ClosedLoop(job.port, job.connections, job.shape);
  return run.execute(ready, job.requests, 600);
}

class ClosedLoop {
  readonly #port: number;
  readonly #count: number;
  readonly #request: PreparedRequest;
  readonly #connections: ClientConnection[] = [];
  readonly #histogram: Histogram = createHistogram();
  #started = 0;
  #completed = 0;
  #errors = 0;
  #bytes = 0;
  #limit = 0;
  #active = false;
  #finish: () => void = () => {};

  constructor(port: number, count: number, shape: RequestShape) {
    this.#port = port;
    this.#count = count;
    this.#request = new PreparedRequest(shape);
  }

  async execute(ready: Ready, limit: number, seconds: number): Promise<LoadResult> {
    this.#limit = limit;
    const shape = this.#request.shape;
    // In close mode connecting is what is measured: nothing is opened beforehand.
    if (!shape.close) await this.#openAll();
    await ready();
    const begin = performance.now();
    this.#active = true;
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      setTimeout(resolve, seconds * 1000).unref();
      if (shape.close) for (let i = 0; i < this.#count; i++) this.#reconnect(i);
      else for (const connection of this.#connections) this.#next(connection);
    });
    this.#active = false;
    const elapsed = (performance.now() - begin) / 1000;
    for (const connection of this.#connections) connection.close();
    return {
      engine: "own closed loop",
      completed: this.#completed,
      errors: this.#errors,
      seconds: elapsed,
      bytes: this.#bytes + this.#completed * shape.bodyBytes,
      latencyMicros: summarise(this.#histogram),
      histogram: encodeHistogram(this.#histogram),
    };
  }

  #openAll(): Promise<void> {
    return new Promise((resolve) => {
      let open = 0;
      for (let index = 0; index < this.#count; index++) {
        this.#connections[index] = new ClientConnection(this.#port, index, this, () => {
          if (++open === this.#count) resolve();
        });
      }
    });
  }

  #next(connection: ClientConnection): void {
    if (!this.#active || this.#started >= this.#limit) return;
    this.#started++;
    connection.send(this.#request, performance.now() * 1000);
  }

  #reconnect(index: number): void {
    if (!this.#active || this.#started >= this.#limit) return;
    this.#started++;
    const begin = performance.now() * 1000;
    const connection = new ClientConnection(this.#port, index, this, () => {
      connection.send(this.#request, begin);
    });
    connection.busy = true;
    this.#connections[index] = connection;
  }

  onResponse(connection: ClientConnection): void {
    if (!this.#active) return;
    this.#bytes += connection.reader.bodyBytes;
    connection.reader.bodyBytes = 0;
    if (connection.reader.status === 200) this.#completed++;
    else this.#errors++;
    recordMicros(this.#histogram, performance.now() * 1000 - connection.intendedMicros);
    if (this.#completed + this.#errors >= this.#limit) this.#finish();
    else if (this.#request.shape.close) {
      connection.close();
      this.#reconnect(connection.index);
    } else if (!connection.reader.closes) this.#next(connection);
  }

  onEnd(connection: ClientConnection, lost: boolean): void {
    if (!this.#active) return;
    if (lost) this.#errors++;
    if (this.#completed + this.#errors >= this.#limit) {
      this.#finish();
      return;
    }
    // A short pause: a proxy that refuses connections must not spin the generator.
    setTimeout(() => this.#replace(connection.index), lost ? 10 : 0);
  }

  #replace(index: number): void {
    if (!this.#active) return;
    if (this.#request.shape.close) {
      this.#reconnect(index);
      return;
    }
    const connection = new ClientConnection(this.#port, index, this, () => this.#next(connection));
    this.#connections[index] = connection;
  }
}
