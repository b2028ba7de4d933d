// What one run of a load engine found.

export interface LatencyMicros {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadResult {
  /** Which engine made the load: printed with every figure. */
  readonly engine: string;
  readonly completed: number;
  readonly errors: number;
  readonly seconds: number;
  /** Payload bytes moved, for bulk runs. */
  readonly bytes: number;
  readonly latencyMicros: LatencyMicros | null;
  /** Compressed HDR histogram (base64, HdrHistogram V2), when the engine keeps one. */
  readonly histogram?: string;
  /** How late the generator itself sent, against its schedule, in µs: its health. */
  readonly sendLagMicros?: { readonly p50: number; readonly p99: number };
}
