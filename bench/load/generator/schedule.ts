// When each request of an open-loop run is meant to be sent: fixed before the run starts, so that a
// slow answer cannot delay what is measured (no coordinated omission).

export interface Schedule {
  /** Intended send times in µs after the start, rising. */
  readonly intendedMicros: Float64Array<SharedArrayBuffer>;
  /** The connection of each request. */
  readonly connection: Uint32Array<ArrayBuffer>;
}

export interface ScheduleShape {
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly connections: number;
  /** Each connection's gap varies by up to this share of itself, as Fortio's `-jitter` does. */
  readonly jitter: number;
  readonly seed: number;
}

/**
 * Uniform with jitter: connection i of n sends every n/rate seconds, starting at i/rate, each time
 * moved by up to ± jitter of that period.
 */
export function buildSchedule(shape: ScheduleShape): Schedule {
  const count = Math.max(1, Math.round(shape.requestsPerSecond * shape.seconds));
  const gap = 1e6 / shape.requestsPerSecond;
  const reach = gap * shape.connections * shape.jitter;
  const random = smallRandom(shape.seed);
  const entries = Array.from({ length: count }, (_, index) => ({
    at: Math.max(0, index * gap + (random() * 2 - 1) * reach),
    connection: index % shape.connections,
  }));
  entries.sort((a, b) => a.at - b.at);
  const intendedMicros = new Float64Array(
    new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT),
  );
  const connection = new Uint32Array(count);
  for (const [index, entry] of entries.entries()) {
    intendedMicros[index] = entry.at;
    connection[index] = entry.connection;
  }
  return { intendedMicros, connection };
}

/** A small seeded generator (mulberry32): runs must be repeatable. */
export function smallRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
