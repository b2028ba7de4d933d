/** Randomness as an input. Envoy: `Random::RandomGenerator` (envoy/common/random_generator.h). */
export interface RandomGenerator {
  /** A uniform integer in 0 … 2³²−1. */
  uint32(): number;
  /** A random (version 4) UUID in lower-case hex. */
  uuid(): string;
}

/** A uniform integer in 0 … bound−1. `bound` is at most 2³². */
export function randomBelow(random: RandomGenerator, bound: number): number {
  return Math.floor((random.uint32() / 4294967296) * bound);
}
