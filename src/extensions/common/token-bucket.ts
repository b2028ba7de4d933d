/** `envoy.type.v3.TokenBucket` of filters, compiled. The bucket itself: `SharedTokenBucket`. */
import type { CompileContext } from "../../config/compile-context.ts";
import { durationMs } from "../../config/duration.ts";
import type { TokenBucket as TokenBucketMessage } from "../../proto/generated/envoy/type/v3.ts";
import type { TokenBucketRate } from "../../upstream/limiter-slots.ts";

const FILL_INTERVAL_MIN_MS = 50;

export type TokenBucketConfig = TokenBucketRate;

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
