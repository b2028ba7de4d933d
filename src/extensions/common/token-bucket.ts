/**
 * A token bucket that refills continuously. Envoy: `LocalRateLimiterImpl` over
 * `AtomicTokenBucketImpl`: with 10 tokens per minute one token comes every 6 seconds, not ten at
 * the full minute.
 */
import type { CompileContext } from "../../config/compile-context.ts";
import { durationMs } from "../../config/duration.ts";
import type { TimeSource } from "../../platform/time.ts";
import type { TokenBucket as TokenBucketMessage } from "../../proto/generated/envoy/type/v3.ts";

const FILL_INTERVAL_MIN_MS = 50;

export interface TokenBucketConfig {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** Null after reporting what is wrong. */
export function compileTokenBucket(
  message: TokenBucketMessage | undefined,
  context: CompileContext,
): TokenBucketConfig | null {
  const maxTokens = message?.maxTokens ?? 0;
  if (message === undefined || maxTokens === 0) {
    return context.at("max_tokens").error("A token bucket needs max_tokens", "set at least 1");
  }
  const fillIntervalMs = durationMs(message.fillInterval, 0);
  if (fillIntervalMs < FILL_INTERVAL_MIN_MS) {
    return context
      .at("fill_interval")
      .error("The fill interval is shorter than 50 ms", "set fill_interval to 0.05s or more");
  }
  return { maxTokens, tokensPerFill: message.tokensPerFill ?? 1, fillIntervalMs };
}

export class TokenBucket {
  private readonly config: TokenBucketConfig;
  private readonly time: TimeSource;
  private tokens: number;
  private filledMs: number;

  /** Starts full. */
  constructor(config: TokenBucketConfig, time: TimeSource) {
    this.config = config;
    this.time = time;
    this.tokens = config.maxTokens;
    this.filledMs = time.monotonicMs();
  }

  /** Takes a token; false when there is none. */
  tryConsume(): boolean {
    this.fill();
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  private fill(): void {
    const { maxTokens, tokensPerFill, fillIntervalMs } = this.config;
    const nowMs = this.time.monotonicMs();
    const gained = ((nowMs - this.filledMs) * tokensPerFill) / fillIntervalMs;
    this.filledMs = nowMs;
    this.tokens = Math.min(maxTokens, this.tokens + gained);
  }
}
