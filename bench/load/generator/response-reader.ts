// Reads HTTP/1.1 responses off a byte stream: heads, bodies, interim responses. It trusts the
// programs under test with everything but framing.
import { type BodyFraming, createFraming } from "./body-framing.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const HEAD_LIMIT = 256 * 1024;

export class ResponseReader {
  /** Status of the latest final response. */
  status: number;
  /** True when the peer said it closes after the latest response. */
  closes: boolean;
  /** Payload bytes of all responses. */
  bodyBytes: number;
  #partialHead: Buffer | null;
  #body: BodyFraming | null;

  constructor() {
    this.status = 0;
    this.closes = false;
    this.bodyBytes = 0;
    this.#partialHead = null;
    this.#body = null;
  }

  /** True between responses: nothing half-read. */
  get idle(): boolean {
    return this.#body === null && this.#partialHead === null;
  }

  /** Takes bytes; answers how many responses they completed. The bytes may be reused afterwards. */
  feed(arrived: Buffer): number {
    let data = arrived;
    if (this.#partialHead !== null) {
      data = Buffer.concat([this.#partialHead, arrived]);
      this.#partialHead = null;
    }
    let completed = 0;
    let at = 0;
    while (at < data.length || this.#body !== null) {
      if (this.#body === null) {
        const end = data.indexOf(HEAD_END, at);
        if (end < 0) {
          this.#keep(data, at);
          return completed;
        }
        this.#head(data.toString("latin1", at, end + 2));
        at = end + HEAD_END.length;
        if (this.#body === null) continue;
      }
      const body = this.#body as BodyFraming;
      at += body.consume(data, at);
      if (!body.done) return completed;
      this.#finish(body);
      completed++;
    }
    return completed;
  }

  /** The peer closed. True when that completed a response. */
  end(): boolean {
    const body = this.#body;
    if (body === null || !body.untilClose) return false;
    this.#finish(body);
    return true;
  }

  #finish(body: BodyFraming): void {
    this.bodyBytes += body.received;
    this.#body = null;
  }

  #keep(data: Buffer, at: number): void {
    if (data.length - at > HEAD_LIMIT) throw new Error("response head is too long");
    this.#partialHead = Buffer.from(data.subarray(at));
  }

  #head(head: string): void {
    const status = Number(head.slice(9, 12));
    if (!head.startsWith("HTTP/1.") || !(status >= 100)) {
      throw new Error(`not a response: ${JSON.stringify(head.slice(0, 40))}`);
    }
    if (status < 200 && status !== 101) return;
    this.status = status;
    this.#body = createFraming(head, "response");
    this.closes = this.#body.untilClose || /\r\nconnection: *close/i.test(head);
  }
}
