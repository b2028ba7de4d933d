// A small deterministic generator (mulberry32). The seed comes from OUTRIGGER_SEED or the caller;
// print it when a test fails.
import type { RandomGenerator } from "../../src/platform/random.ts";

/** The seed given by the environment, or a fixed one. */
export function environmentSeed(fallback: number = 1): number {
  const text = process.env["OUTRIGGER_SEED"];
  return text === undefined || text === "" ? fallback : Number(text) >>> 0;
}

export class SeededRandom implements RandomGenerator {
  readonly seed: number;
  private state: number;

  constructor(seed: number = environmentSeed()) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  uuid(): string {
    const words = [this.uint32(), this.uint32(), this.uint32(), this.uint32()];
    const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
    const variant = "89ab"[Number.parseInt(hex[16]!, 16) & 3];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** A uniform integer in 0 … bound−1. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 4294967296) * bound);
  }

  /** True with the given probability (0 … 1). */
  chance(probability: number): boolean {
    return this.uint32() / 4294967296 < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}
