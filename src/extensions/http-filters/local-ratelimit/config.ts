/**
 * `LocalRateLimit`, compiled. Envoy: `FilterConfig`
 * (source/extensions/filters/http/local_ratelimit) and `LocalRateLimiterImpl`
 * (source/extensions/filters/common/local_ratelimit).
 */
import { toByteString } from "../../../base/byte-string.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageIdentity } from "../../../config/message-identity.ts";
import { compileRuntimeFraction, type RuntimeFraction } from "../../../config/runtime.ts";
import type { LocalRateLimitDescriptor } from "../../../proto/generated/envoy/extensions/common/ratelimit/v3.ts";
import type { LocalRateLimit } from "../../../proto/generated/envoy/extensions/filters/http/local_ratelimit/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import { compileHeaderMutations, type HeaderMutations } from "../../../route/header-mutation.ts";
import type { DescriptorEntry } from "../../../route/rate-limit-actions.ts";
import { compileRateLimits, type RateLimitPolicy } from "../../../route/rate-limit-policy.ts";
import type { RouteClock } from "../../../route/route-format.ts";
import { compileTokenBucket, type TokenBucketConfig } from "../../common/token-bucket.ts";
import { errorStatus } from "./status.ts";

/** A bucket for requests that have exactly these entries. */
export interface DescriptorConfig {
  /** An empty value stands for every value, each with a bucket of its own. */
  readonly entries: readonly DescriptorEntry[];
  readonly bucket: TokenBucketConfig;
}

export interface LimitConfig {
  readonly statPrefix: string;
  readonly status: number;
  /** For requests without a bucket of their own, or for all; null: they are not limited. */
  readonly bucket: TokenBucketConfig | null;
  readonly descriptors: readonly DescriptorConfig[];
  readonly maxDynamicDescriptors: number;
  /** The default bucket is charged even when a descriptor matched. */
  readonly alwaysConsumesDefault: boolean;
  /** How many requests are looked at, and how many of those over the limit are refused. */
  readonly enabled: RuntimeFraction | null;
  readonly enforced: RuntimeFraction | null;
  readonly stage: number;
  /** `rate_limits` of the filter itself: they stand in for those of routes. */
  readonly policy: RateLimitPolicy | null;
  readonly vhRateLimits: "OVERRIDE" | "INCLUDE" | "IGNORE";
  readonly perConnection: boolean;
  /** `local_cluster_rate_limit`: the limit is for all members of the local cluster together. */
  readonly sharedWithCluster: boolean;
  readonly showsLimits: boolean;
  readonly resourceExhausted: boolean;
  readonly requestMutations: HeaderMutations;
  readonly responseMutations: HeaderMutations;
  /** Place and content: equal on every data plane. */
  readonly identity: string;
}

export interface LimitCompilation {
  readonly formats: FormatParser;
  readonly time: RouteClock;
  /** `cluster_manager.local_cluster_name`; "" without one. */
  readonly localCluster: string;
}

const MAX_DYNAMIC_DESCRIPTORS = 20;

export function compileLimit(
  message: LocalRateLimit,
  compilation: LimitCompilation,
  context: CompileContext,
): LimitConfig {
  const { formats } = compilation;
  checkSharing(message, compilation.localCluster, context);
  const additions = message.requestHeadersToAddWhenNotEnforced;
  const field = context.at("request_headers_to_add_when_not_enforced");
  return {
    statPrefix: message.statPrefix ?? "",
    status: errorStatus(message.status?.code),
    bucket:
      message.tokenBucket === undefined
        ? null
        : compileTokenBucket(message.tokenBucket, context.at("token_bucket")),
    descriptors: compileDescriptors(message.descriptors ?? [], context),
    maxDynamicDescriptors: message.maxDynamicDescriptors ?? MAX_DYNAMIC_DESCRIPTORS,
    alwaysConsumesDefault: message.alwaysConsumeDefaultTokenBucket ?? true,
    enabled: message.filterEnabled ? compileRuntimeFraction(message.filterEnabled) : null,
    enforced: message.filterEnforced ? compileRuntimeFraction(message.filterEnforced) : null,
    stage: message.stage ?? 0,
    policy: compileRateLimits(message.rateLimits, { ...compilation, inFilter: true }, context),
    vhRateLimits: message.vhRateLimits ?? "OVERRIDE",
    perConnection: message.localRateLimitPerDownstreamConnection === true,
    sharedWithCluster: message.localClusterRateLimit !== undefined,
    showsLimits: message.enableXRatelimitHeaders === "DRAFT_VERSION_03",
    resourceExhausted: message.rateLimitedAsResourceExhausted === true,
    requestMutations: compileHeaderMutations("request", additions, [], formats, field),
    responseMutations: compileHeaderMutations(
      "response",
      message.responseHeadersToAdd,
      [],
      formats,
      context,
    ),
    identity: `${context.path} ${messageIdentity(message)}`,
  };
}

/** As `compileLimit`, for a place where a limit without a bucket makes no sense. */
export function compileRouteLimit(
  message: LocalRateLimit,
  compilation: LimitCompilation,
  context: CompileContext,
): LimitConfig {
  if (message.tokenBucket === undefined) {
    context
      .at("token_bucket")
      .error("Per-route configuration needs a token bucket", "set token_bucket");
  }
  return compileLimit(message, compilation, context);
}

function compileDescriptors(
  messages: readonly LocalRateLimitDescriptor[],
  context: CompileContext,
): DescriptorConfig[] {
  const seen = new Set<string>();
  return messages.flatMap((message, index) => {
    const at = context.at("descriptors", index);
    const bucket = compileTokenBucket(message.tokenBucket, at.at("token_bucket"));
    const entries = (message.entries ?? []).map(({ key = "", value = "" }) => ({
      key: toByteString(key),
      value: toByteString(value),
    }));
    const text = descriptorText(entries);
    if (seen.has(text)) {
      const pairs = entries.map(({ key, value }) => `${key}=${value}`).join(", ");
      at.error(`Descriptor ${pairs} is there twice`, "remove one");
    }
    seen.add(text);
    return bucket === null ? [] : [{ entries, bucket }];
  });
}

/** Equal for equal entries in equal order. */
export function descriptorText(entries: readonly DescriptorEntry[]): string {
  let text = "";
  for (let index = 0; index < entries.length; index++) {
    const { key, value } = entries[index] as DescriptorEntry;
    text += `${key.length}:${key}${value.length}:${value}`;
  }
  return text;
}

function checkSharing(
  message: LocalRateLimit,
  localCluster: string,
  context: CompileContext,
): void {
  if (message.localClusterRateLimit === undefined) return;
  const at = context.at("local_cluster_rate_limit");
  if (localCluster === "") {
    at.error(
      "There is no local cluster to share the limit with",
      "set cluster_manager.local_cluster_name in the bootstrap",
    );
  }
  if (message.localRateLimitPerDownstreamConnection === true) {
    at.error("A limit per connection is not shared over a cluster", "keep one of the two");
  }
}
