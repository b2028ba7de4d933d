// What is known about every request of a simulated world, and what went against the rules.
import type { SimulatedTime } from "../kit/simulated-time.ts";

export interface RequestRecord {
  readonly id: number;
  readonly toHead: boolean;
  readonly bodyBytes: number;
  /** Every byte of it left the client. */
  sent: boolean;
  /** Heads that upstreams got. */
  forwarded: number;
  /** The upstream announced this much body; -1 = its answer ends with the connection or is cut. */
  answerBytes: number;
  responseHeads: number;
  responseComplete: boolean;
  /** Its connection ended before the answer was complete. */
  abandoned: boolean;
}

export class Ledger {
  readonly requests: RequestRecord[] = [];
  readonly problems: string[] = [];
  readonly trace: string[] = [];
  private readonly time: SimulatedTime;
  private readonly tracing: boolean;

  constructor(time: SimulatedTime, tracing: boolean) {
    this.time = time;
    this.tracing = tracing;
  }

  request(toHead: boolean, bodyBytes: number): RequestRecord {
    const record: RequestRecord = {
      id: this.requests.length + 1,
      toHead,
      bodyBytes,
      sent: false,
      forwarded: 0,
      answerBytes: -1,
      responseHeads: 0,
      responseComplete: false,
      abandoned: false,
    };
    this.requests.push(record);
    return record;
  }

  byId(text: string | undefined): RequestRecord | undefined {
    return text !== undefined && /^\d+$/.test(text) ? this.requests[Number(text) - 1] : undefined;
  }

  /** A rule was broken. */
  problem(text: string): void {
    this.problems.push(`${this.time.monotonicMs()} ms: ${text}`);
    this.note(() => `PROBLEM ${text}`);
  }

  note(text: () => string): void {
    if (this.tracing) this.trace.push(`${this.time.monotonicMs()} ms  ${text()}`);
  }
}
