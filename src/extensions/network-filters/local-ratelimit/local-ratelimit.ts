/**
 * Closes new connections that come faster than a token bucket allows. Envoy:
 * `envoy.filters.network.local_ratelimit` (source/extensions/filters/network/local_ratelimit).
 * Differs from Envoy: each data plane has its own bucket.
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
import { compileRuntimeFlag, isEnabled, type RuntimeFlag } from "../../common/runtime-flag.ts";
import {
  compileTokenBucket,
  TokenBucket,
  type TokenBucketConfig,
} from "../../common/token-bucket.ts";

const NAME = "envoy.filters.network.local_ratelimit";

interface Config {
  readonly statPrefix: string;
  readonly bucket: TokenBucketConfig;
  readonly enabled: RuntimeFlag;
  /** Filters with the same key and bucket share one; "" shares nothing. */
  readonly shareKey: string;
}

export interface LocalRateLimitServices {
  readonly time: TimeSource;
  readonly runtime: RuntimeSnapshot;
}

interface SharedBucket {
  readonly bucket: TokenBucket;
  users: number;
}

export function localRateLimit(services: LocalRateLimitServices): NetworkFilterType {
  const shared = new Map<string, SharedBucket>();
  return defineNetworkFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"],
    compile,
    createFactory: (config, context) => createFactory(config, context, services, shared),
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
  };
}

function createFactory(
  config: Config,
  { rootStats }: NetworkFilterContext,
  { time, runtime }: LocalRateLimitServices,
  shared: Map<string, SharedBucket>,
): NetworkFilterFactory {
  const scope = rootStats.scope("local_rate_limit");
  const limited = scope.scope(config.statPrefix).counter("rate_limited");
  const { bucket, close } = openBucket(config, time, shared);
  return {
    name: NAME,
    close: () => {
      close();
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

function openBucket(
  config: Config,
  time: TimeSource,
  shared: Map<string, SharedBucket>,
): { readonly bucket: TokenBucket; close(): void } {
  if (config.shareKey === "") {
    return { bucket: new TokenBucket(config.bucket, time), close: () => undefined };
  }
  const key = `${messageIdentity(config.bucket)}${config.shareKey}`;
  let entry = shared.get(key);
  if (entry === undefined) {
    entry = { bucket: new TokenBucket(config.bucket, time), users: 0 };
    shared.set(key, entry);
  }
  const held = entry;
  held.users++;
  const close = (): void => {
    if (--held.users === 0) shared.delete(key);
  };
  return { bucket: held.bucket, close };
}
