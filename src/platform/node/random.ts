// hot: per request
/**
 * Randomness from the system, drawn in pools. UUIDs are written 64 at a time into one text, of
 * which each is a slice: one small object per UUID instead of nine.
 */
import { randomFillSync } from "node:crypto";
import type { RandomGenerator } from "../random.ts";

const POOL_WORDS = 2048;
const POOL_UUIDS = 64;
const UUID_LENGTH = 36;
const UUID_BYTES = 16;
const DASH = 45;
/** Byte positions that begin a new group of the text form (RFC 9562 §4). */
const GROUP_STARTS: ReadonlySet<number> = new Set([4, 6, 8, 10]);
const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");

export class SystemRandom implements RandomGenerator {
  private readonly words: Uint32Array = new Uint32Array(POOL_WORDS);
  private nextWord: number = POOL_WORDS;
  private readonly bytes: Buffer = Buffer.alloc(POOL_UUIDS * UUID_BYTES);
  private readonly text: Buffer = Buffer.alloc(POOL_UUIDS * UUID_LENGTH);
  private uuids = "";
  private nextUuid = 0;

  uint32(): number {
    if (this.nextWord === this.words.length) {
      randomFillSync(this.words);
      this.nextWord = 0;
    }
    return this.words[this.nextWord++] as number;
  }

  uuid(): string {
    if (this.nextUuid === this.uuids.length) this.fillUuids();
    const at = this.nextUuid;
    this.nextUuid = at + UUID_LENGTH;
    return this.uuids.slice(at, at + UUID_LENGTH);
  }

  private fillUuids(): void {
    randomFillSync(this.bytes);
    for (let index = 0; index < POOL_UUIDS; index++) this.writeUuid(index);
    this.uuids = this.text.toString("latin1");
    this.nextUuid = 0;
  }

  private writeUuid(index: number): void {
    const from = index * UUID_BYTES;
    this.bytes[from + 6] = ((this.bytes[from + 6] as number) & 0x0f) | 0x40;
    this.bytes[from + 8] = ((this.bytes[from + 8] as number) & 0x3f) | 0x80;
    let at = index * UUID_LENGTH;
    for (let byte = 0; byte < UUID_BYTES; byte++) {
      if (GROUP_STARTS.has(byte)) this.text[at++] = DASH;
      const value = this.bytes[from + byte] as number;
      this.text[at++] = HEX_DIGITS[value >> 4] as number;
      this.text[at++] = HEX_DIGITS[value & 15] as number;
    }
  }
}
