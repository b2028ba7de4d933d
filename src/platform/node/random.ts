// hot: per request
/**
 * Randomness from the system, drawn in pools: one system call and one hex conversion per 256 UUIDs.
 */
import { randomFillSync } from "node:crypto";
import type { RandomGenerator } from "../random.ts";

const POOL_BYTES = 8192;
const VARIANT = ["8", "9", "a", "b"] as const;

export class SystemRandom implements RandomGenerator {
  private readonly words: Uint32Array = new Uint32Array(POOL_BYTES / 4);
  private nextWord: number = POOL_BYTES / 4;
  private readonly bytes: Buffer = Buffer.allocUnsafeSlow(POOL_BYTES);
  private hex = "";
  private nextHex = 0;

  uint32(): number {
    if (this.nextWord === this.words.length) {
      randomFillSync(this.words);
      this.nextWord = 0;
    }
    return this.words[this.nextWord++] as number;
  }

  uuid(): string {
    if (this.nextHex + 32 > this.hex.length) {
      randomFillSync(this.bytes);
      this.hex = this.bytes.toString("hex");
      this.nextHex = 0;
    }
    const hex = this.hex;
    const at = this.nextHex;
    this.nextHex = at + 32;
    const variant = VARIANT[hex.charCodeAt(at + 16) & 3] as string;
    return `${hex.slice(at, at + 8)}-${hex.slice(at + 8, at + 12)}-4${hex.slice(at + 13, at + 16)}-${variant}${hex.slice(at + 17, at + 20)}-${hex.slice(at + 20, at + 32)}`;
  }
}
