/**
 * `retry_policy` of a route or virtual host, compiled. Envoy: `RetryPolicyImpl`
 * (source/common/router/config_impl.cc, envoy.config.route.v3.RetryPolicy).
 */
import { type HeaderName, headerName } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import type {
  RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_RetryBackOff,
  RetryPolicy as RetryPolicyMessage,
} from "../proto/generated/envoy/config/route/v3.ts";
import type { AnyMessage } from "../proto/plain.ts";
import { compileHeaderMatchers, type HeaderMatcher } from "./header-matcher.ts";
import { parseRetryGrpcOn, parseRetryOn, unknownRetryWords } from "./retry-on.ts";

const DEFAULT_RESET_MAX_MS = 300_000;

/** A response header that tells when to come back. */
export interface ResetHeader {
  readonly name: HeaderName;
  /** A point in time (Unix seconds); otherwise seconds to wait. */
  readonly timestamp: boolean;
}

/** Durations in ms. */
export interface RetryPolicyConfig {
  /** Bits of `RetryOn`; 0 retries only when a request header asks for it. */
  readonly retryOn: number;
  readonly numRetries: number;
  /** 0 = none. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  /** 0 = of the runtime, 25 by default. */
  readonly baseIntervalMs: number;
  /** 0 = ten times the base. */
  readonly maxIntervalMs: number;
  readonly retriableStatusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderMatcher[];
  /** One of these must match, if there are any. */
  readonly retriableRequestHeaders: readonly HeaderMatcher[];
  readonly resetHeaders: readonly ResetHeader[];
  readonly resetMaxIntervalMs: number;
  /** Factories of predicates, as `RetryExtensionTypes` made them. */
  readonly hostPredicates: readonly object[];
  readonly priority: object | null;
  readonly hostSelectionAttempts: number;
}

/** What a header can ask for where no policy is configured. */
export const DEFAULT_RETRY_POLICY: RetryPolicyConfig = {
  retryOn: 0,
  numRetries: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  baseIntervalMs: 0,
  maxIntervalMs: 0,
  retriableStatusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
  resetHeaders: [],
  resetMaxIntervalMs: DEFAULT_RESET_MAX_MS,
  hostPredicates: [],
  priority: null,
  hostSelectionAttempts: 1,
};

/** An extension as `retry_host_predicate` and `retry_priority` name it. */
export interface RetryExtensionMessage {
  readonly name?: string;
  readonly typedConfig?: AnyMessage;
}

/** Compiles extensions of retry policies; null after an error was reported. */
export interface RetryExtensionTypes {
  hostPredicate(message: RetryExtensionMessage, context: CompileContext): object | null;
  priority(message: RetryExtensionMessage, context: CompileContext): object | null;
}

/** Problems are in the context. */
export function compileRetryPolicy(
  message: RetryPolicyMessage | undefined,
  types: RetryExtensionTypes,
  context: CompileContext,
): RetryPolicyConfig | null {
  if (message === undefined) return null;
  if ((message.retryOptionsPredicates ?? []).length > 0) {
    const text = "retry_options_predicates is not supported: retries keep their socket options";
    context.at("retry_options_predicates").warn(text);
  }
  const words = message.retryOn ?? "";
  for (const [word, meant] of unknownRetryWords(words)) {
    const remedy = meant === null ? "remove it" : `did you mean "${meant}"?`;
    context.at("retry_on").warn(`"${word}" is no retry condition: it is ignored`, remedy);
  }
  const { numRetries, perTryTimeout, perTryIdleTimeout, retryPriority } = message;
  return {
    ...DEFAULT_RETRY_POLICY,
    retryOn: parseRetryOn(words) | parseRetryGrpcOn(words),
    numRetries: numRetries ?? DEFAULT_RETRY_POLICY.numRetries,
    perTryTimeoutMs: durationMs(perTryTimeout, 0),
    perTryIdleTimeoutMs: durationMs(perTryIdleTimeout, 0),
    ...compileBackOff(message.retryBackOff, context.at("retry_back_off")),
    ...compileResets(message.rateLimitedRetryBackOff),
    retriableStatusCodes: message.retriableStatusCodes ?? [],
    retriableHeaders: compileHeaderMatchers(message.retriableHeaders, context, "retriable_headers"),
    retriableRequestHeaders: compileHeaderMatchers(
      message.retriableRequestHeaders,
      context,
      "retriable_request_headers",
    ),
    hostPredicates: compilePredicates(message, types, context),
    priority:
      retryPriority === undefined
        ? null
        : types.priority(retryPriority, context.at("retry_priority")),
    hostSelectionAttempts:
      Number(message.hostSelectionRetryMaxAttempts ?? 0) ||
      DEFAULT_RETRY_POLICY.hostSelectionAttempts,
  };
}

function compileBackOff(
  message: RetryPolicy_RetryBackOff | undefined,
  context: CompileContext,
): Pick<RetryPolicyConfig, "baseIntervalMs" | "maxIntervalMs"> {
  if (message === undefined) return { baseIntervalMs: 0, maxIntervalMs: 0 };
  // Less than a millisecond counts as one.
  const baseIntervalMs = Math.max(1, durationMs(message.baseInterval, 1));
  if (message.maxInterval === undefined) return { baseIntervalMs, maxIntervalMs: 0 };
  const maxIntervalMs = Math.max(1, durationMs(message.maxInterval, 1));
  if (maxIntervalMs < baseIntervalMs) {
    context
      .at("max_interval")
      .error("max_interval is shorter than base_interval", "make it at least as long");
  }
  return { baseIntervalMs, maxIntervalMs };
}

function compileResets(
  message: RetryPolicy_RateLimitedRetryBackOff | undefined,
): Pick<RetryPolicyConfig, "resetHeaders" | "resetMaxIntervalMs"> {
  return {
    resetHeaders: (message?.resetHeaders ?? []).map((header) => ({
      name: headerName(header.name ?? ""),
      timestamp: header.format === "UNIX_TIMESTAMP",
    })),
    resetMaxIntervalMs: durationMs(message?.maxInterval, DEFAULT_RESET_MAX_MS),
  };
}

function compilePredicates(
  message: RetryPolicyMessage,
  types: RetryExtensionTypes,
  context: CompileContext,
): readonly object[] {
  return (message.retryHostPredicate ?? []).flatMap((predicate, index) => {
    const made = types.hostPredicate(predicate, context.at("retry_host_predicate", index));
    return made === null ? [] : [made];
  });
}
