/**
 * Collects a head that arrives in pieces. Watches for the end of the head, for size and for stray
 * CR or LF while bytes come in, so that a slow client costs one look at every byte, not one parse
 * per byte.
 */
import { CR, LF } from "./characters.ts";

const FIRST_BYTES = 1024;

/**
 * `full`: over the limit. `broken`: a CR without LF or an LF without CR, which no later byte can
 * mend.
 */
export type HeadBufferState = "incomplete" | "complete" | "full" | "broken";

export class HeadBuffer {
  private readonly maxBytes: number;
  private buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private length = 0;
  private scanned = 0;
  /** Length of the current line so far, without its end. */
  private lineLength = 0;
  /** Offset after the empty line, once found. */
  private headEnd = 0;
  private started: boolean;

  /** `startLine`: the section begins with one (a trailer section does not, and may be empty). */
  constructor(maxBytes: number, startLine: boolean) {
    this.maxBytes = maxBytes;
    this.started = !startLine;
  }

  /** Everything collected so far. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** Nothing but empty lines so far. */
  get blank(): boolean {
    return !this.started && this.lineLength === 0;
  }

  add(bytes: Buffer): HeadBufferState {
    this.reserve(this.length + bytes.length);
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
    return this.scan();
  }

  private reserve(needed: number): void {
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  private scan(): HeadBufferState {
    while (this.scanned < this.length && this.headEnd === 0) {
      const code = this.buffer[this.scanned] as number;
      if (code === LF) return "broken";
      if (code !== CR) {
        this.lineLength++;
        this.scanned++;
        continue;
      }
      if (this.scanned + 1 === this.length) break;
      if (this.buffer[this.scanned + 1] !== LF) return "broken";
      this.endLine();
    }
    if (this.headEnd > 0) return this.headEnd > this.maxBytes ? "full" : "complete";
    return this.length > this.maxBytes ? "full" : "incomplete";
  }

  private endLine(): void {
    this.scanned += 2;
    // Empty lines before the start line are skipped by the parser (RFC 9112 §2.2) and do not end
    // the head.
    if (this.lineLength === 0 && this.started) this.headEnd = this.scanned;
    else if (this.lineLength > 0) this.started = true;
    this.lineLength = 0;
  }
}
