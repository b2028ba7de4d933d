// Finds the end of an HTTP/1.1 body: fixed length, chunked, or until the connection closes.
// Minimal on purpose: it serves the generator and the upstream of the load harness, which only
// ever read messages that the programs under test have framed.

const NONE = 0;
const LENGTH = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const CHUNK_END = 4;
const TRAILER = 5;
const UNTIL_CLOSE = 6;

export class BodyFraming {
  done: boolean;
  /** Payload bytes seen so far. */
  received: number;
  #state: number;
  #left: number;
  #digits: number;
  #inExtension: boolean;
  #lineBytes: number;

  constructor(state: number, left: number) {
    this.#state = state;
    this.#left = left;
    this.#digits = 0;
    this.#inExtension = false;
    this.#lineBytes = 0;
    this.received = 0;
    this.done = state === NONE || (state === LENGTH && left === 0);
  }

  /** True when only the end of the connection ends this body. */
  get untilClose(): boolean {
    return this.#state === UNTIL_CLOSE;
  }

  /** Takes bytes from `offset`; answers how many belong to this body. */
  consume(data: Buffer, offset: number): number {
    let at = offset;
    while (at < data.length && !this.done) {
      if (this.#state === LENGTH || this.#state === CHUNK_DATA) at = this.#skip(data, at);
      else if (this.#state === UNTIL_CLOSE) {
        this.received += data.length - at;
        at = data.length;
      } else this.#line(data[at++] as number);
    }
    return at - offset;
  }

  #skip(data: Buffer, at: number): number {
    const used = Math.min(this.#left, data.length - at);
    this.#left -= used;
    this.received += used;
    if (this.#left === 0) {
      if (this.#state === LENGTH) this.done = true;
      else this.#state = CHUNK_END;
    }
    return at + used;
  }

  #line(byte: number): void {
    if (byte === 0x0d) return;
    if (byte !== 0x0a) {
      this.#lineBytes++;
      if (this.#state === CHUNK_SIZE) this.#sizeDigit(byte);
      return;
    }
    if (this.#state === CHUNK_END) this.#state = CHUNK_SIZE;
    else if (this.#state === TRAILER) this.done = this.#lineBytes === 0;
    else {
      this.#left = this.#digits;
      this.#state = this.#digits === 0 ? TRAILER : CHUNK_DATA;
    }
    this.#digits = 0;
    this.#inExtension = false;
    this.#lineBytes = 0;
  }

  #sizeDigit(byte: number): void {
    if (byte === 0x3b || byte === 0x20) this.#inExtension = true;
    if (this.#inExtension) return;
    const lower = byte | 0x20;
    const digit = byte <= 0x39 ? byte - 0x30 : lower - 0x57;
    if (digit < 0 || digit > 15) throw new Error("bad chunk size");
    this.#digits = this.#digits * 16 + digit;
  }
}

/** Chooses the framing from a message head (with its first line, lines ended by CRLF). */
export function createFraming(head: string, message: "request" | "response"): BodyFraming {
  if (message === "response") {
    const status = Number(head.slice(9, 12));
    if (status === 204 || status === 304 || status < 200) return new BodyFraming(NONE, 0);
  }
  if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) return new BodyFraming(CHUNK_SIZE, 0);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) return new BodyFraming(LENGTH, Number(length[1]));
  return new BodyFraming(message === "request" ? NONE : UNTIL_CLOSE, 0);
}
