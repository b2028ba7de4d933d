/**
 * Closes new connections that come faster than a token bucket allows. Envoy:
 * `envoy.filters.network.local_ratelimit` (source/extensions/filters/network/local_ratelimit).
 * All data planes take from one bucket. Differs from Envoy: a bucket goes on when its listener is
 * replaced by one that says the same.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageIdentity } from "../../../config/message-identity.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import {
  defineNetworkFilter,
  type NetworkFilter,
  type NetworkFilterContext,
  type NetworkFilterFactory,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { TimeSource } from "../../../platform/time.ts";
import type { LocalRateLimit as Message } from "../../../proto/generated/envoy/extensions/filters/network/local_ratelimit/v3.ts";
import type { LimiterSlots } from "../../../upstream/limiter-slots.ts";
import { compileRuntimeFlag, isEnabled, type RuntimeFlag } from "../../common/runtime-flag.ts";
import { compileTokenBucket, type TokenBucketConfig } from "../../common/token-bucket.ts";

const NAME = "envoy.filters.network.local_ratelimit";

interface Config {
  readonly statPrefix: string;
  readonly bucket: TokenBucketConfig;
  readonly enabled: RuntimeFlag;
  /** Filters with the same key and bucket share one; "" shares nothing. */
  readonly shareKey: string;
  /** Place and content: equal on every data plane. */
  readonly identity: string;
}

export interface LocalRateLimitServices {
  readonly time: TimeSource;
  readonly runtime: RuntimeSnapshot;
  readonly limiters: LimiterSlots;
}

export function localRateLimit(services: LocalRateLimitServices): NetworkFilterType {
  return defineNetworkFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"],
    compile,
    createFactory: (config, context) => createFactory(config, context, services),
  });
}

function compile(message: Message, context: CompileContext): Config | null {
  const bucket = compileTokenBucket(message.tokenBucket, context.at("token_bucket"));
  if (bucket === null) return null;
  return {
    statPrefix: message.statPrefix ?? "",
    bucket,
    enabled: compileRuntimeFlag(message.runtimeEnabled),
    shareKey: message.shareKey ?? "",
    identity: `${context.path} ${messageIdentity(message)}`,
  };
}

function createFactory(
  config: Config,
  { rootStats, listener }: NetworkFilterContext,
  { time, runtime, limiters }: LocalRateLimitServices,
): NetworkFilterFactory {
  const scope = rootStats.scope("local_rate_limit");
  const limited = scope.scope(config.statPrefix).counter("rate_limited");
  const bucket = limiters.bucket(bucketKey(config, listener.name), config.bucket, time);
  return {
    name: NAME,
    close: () => {
      bucket.close();
      scope.remove();
    },
    create: ({ connection, streamInfo }): NetworkFilter => ({
      onNewConnection: (): NetworkFilterStatus => {
        if (!isEnabled(config.enabled, runtime) || bucket.tryConsume()) return "continue";
        limited.inc();
        streamInfo.setFlag(ResponseFlag.UpstreamRetryLimitExceeded);
        connection.close("no-flush");
        return "stop";
      },
    }),
  };
}

function bucketKey({ shareKey, bucket, identity }: Config, listener: string): string {
  if (shareKey === "") return `${listener} ${identity}`;
  return `share ${messageIdentity(bucket)}${shareKey}`;
}
