/**
 * Mistakes of this program that reached the edge of an event: counted, logged, survived. A bug that
 * repeats is logged at its 1st, 2nd, 4th, 8th … time. Envoy: `ENVOY_BUG`
 * (source/common/common/assert.cc).
 */
import type { Logger } from "../log/logger.ts";
import type { Counter } from "../stats/counter.ts";

/** Different bugs that are told apart; traffic must not make this grow. */
const KINDS_MAX = 100;

export class BugReport {
  private readonly logger: Logger;
  private readonly times = new Map<string, number>();
  /** `server.envoy_bug_failures`, once there are stats. */
  counter: Counter | null = null;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** Never throws. */
  report(error: unknown): void {
    this.counter?.inc();
    const text = describe(error);
    const kind = this.times.has(text) || this.times.size < KINDS_MAX ? text : "";
    const times = (this.times.get(kind) ?? 0) + 1;
    this.times.set(kind, times);
    if ((times & (times - 1)) !== 0) return;
    this.logger.critical(`bug${times === 1 ? "" : ` (${times} times)`}: ${text}`);
  }
}

function describe(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return "something that cannot be told";
  }
}
