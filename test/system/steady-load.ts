// Requests at a fixed rate on keep-alive connections, whatever the answers do. Keeps apart what
// must not happen (a request was sent and not answered) and what may (a connection that said its
// goodbye).
import {
  ClientConnection,
  type ConnectionEvents,
  PreparedRequest,
} from "../../bench/load/generator/connection.ts";
import { buildSchedule, type Schedule } from "../../bench/load/generator/schedule.ts";
import { getShape } from "../../bench/load/request.ts";

export interface LoadShape {
  readonly port: number;
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

export class SteadyLoad implements ConnectionEvents {
  answered = 0;
  /** What went wrong, a line each. */
  readonly failures: string[] = [];
  /** Connections that were opened again after an orderly end. */
  reconnects = 0;
  /** `performance.now()` of the last answer. */
  lastAnswerMs = 0;
  private readonly shape: LoadShape;
  private readonly schedule: Schedule;
  private readonly request: PreparedRequest = new PreparedRequest(getShape(100));
  private readonly connections: (ClientConnection | null)[] = [];
  /** Requests that wait for their connection. */
  private readonly waiting: number[];
  private next = 0;
  private startMs = 0;
  private timer: NodeJS.Timeout | null = null;
  private refused = false;

  constructor(shape: LoadShape) {
    this.shape = shape;
    this.schedule = buildSchedule({ ...shape, jitter: 0.1, seed: 1 });
    this.waiting = Array.from({ length: shape.connections }, () => 0);
  }

  start(): void {
    for (let index = 0; index < this.shape.connections; index++) this.open(index);
    this.startMs = performance.now();
    this.timer = setInterval(() => this.sendDue(), 1);
  }

  /** Nothing more is sent; what is under way may finish. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.waiting.fill(0);
  }

  /** Every request that was sent has its answer or its failure. */
  get idle(): boolean {
    return this.connections.every((one) => one === null || !one.busy);
  }

  close(): void {
    this.stop();
    for (const connection of this.connections) connection?.close();
  }

  onResponse(connection: ClientConnection): void {
    this.lastAnswerMs = performance.now();
    if (connection.reader.status === 200) this.answered++;
    else this.failures.push(`answered with ${connection.reader.status}`);
    this.sendWaiting(connection);
  }

  onEnd(connection: ClientConnection, lost: boolean): void {
    const { index } = connection;
    this.connections[index] = null;
    if (lost) this.failures.push(`connection ${index} ended before the answer`);
    if (this.timer !== null && !this.refused) this.open(index);
  }

  private open(index: number): void {
    let connected = false;
    const events: ConnectionEvents = {
      onResponse: (connection) => this.onResponse(connection),
      onEnd: (connection, lost) => {
        // Nobody listens any more: the proxy is shutting down.
        if (!connected) this.refused = true;
        this.onEnd(connection, lost);
      },
    };
    const connection = new ClientConnection(this.shape.port, index, events, () => {
      connected = true;
      this.reconnects++;
      this.connections[index] = connection;
      this.sendWaiting(connection);
    });
  }

  private sendDue(): void {
    const { intendedMicros, connection } = this.schedule;
    const nowMicros = (performance.now() - this.startMs) * 1000;
    while (this.next < intendedMicros.length && intendedMicros[this.next]! <= nowMicros) {
      const index = connection[this.next++]!;
      this.waiting[index]!++;
      const target = this.connections[index];
      if (target !== null && target !== undefined) this.sendWaiting(target);
    }
  }

  private sendWaiting(connection: ClientConnection): void {
    const { index, busy, ended, reader } = connection;
    if (busy || ended || reader.closes || this.waiting[index] === 0 || this.timer === null) return;
    this.waiting[index]!--;
    connection.send(this.request, 0);
  }
}
