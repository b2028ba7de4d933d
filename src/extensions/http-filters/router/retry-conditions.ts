// hot: per request
/**
 * Which responses and resets of one request call for another attempt: policy and request headers
 * together. Envoy: `RetryStateImpl::wouldRetryFromHeaders`, `wouldRetryFromReset`.
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers, headerName } from "../../../codec/header-names.ts";
import { parseRetryGrpcOn, parseRetryOn, RetryOn } from "../../../route/retry-on.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicyConfig } from "../../../route/retry-policy.ts";

/** What conditions say of a response or reset. */
export const WONT = 0;
export const AFTER_BACK_OFF = 1;
export const AT_ONCE = 2;

const TOO_EARLY = 425;
const EARLY_DATA: HeaderName = headerName("early-data");
const ASK_BITS: number = Headers.EnvoyRetryOn.bit | Headers.EnvoyRetryGrpcOn.bit;
const GRPC_BITS: number =
  RetryOn.GrpcCancelled |
  RetryOn.GrpcDeadlineExceeded |
  RetryOn.GrpcInternal |
  RetryOn.GrpcResourceExhausted |
  RetryOn.GrpcUnavailable;
/** By grpc-status. */
const GRPC_STATUS_BITS: ReadonlyMap<string, number> = new Map<string, number>([
  ["1", RetryOn.GrpcCancelled],
  ["4", RetryOn.GrpcDeadlineExceeded],
  ["8", RetryOn.GrpcResourceExhausted],
  ["13", RetryOn.GrpcInternal],
  ["14", RetryOn.GrpcUnavailable],
]);
const CONNECT_FAILURES: ReadonlySet<StreamResetReason> = new Set([
  "local connection failure",
  "remote connection failure",
  "connection timeout",
]);

/** Null when neither policy nor headers ask for retries. The headers are left in place. */
export function retryConditions(
  policy: RetryPolicyConfig | null,
  headers: RequestHeaderMap,
): RetryConditions | null {
  const asked = (headers.seen & ASK_BITS) !== 0 && asks(headers);
  if ((policy === null || policy.retryOn === 0) && !asked) return null;
  return new RetryConditions(policy ?? DEFAULT_RETRY_POLICY, headers);
}

function asks(headers: RequestHeaderMap): boolean {
  return headers.has(Headers.EnvoyRetryOn) || headers.has(Headers.EnvoyRetryGrpcOn);
}

export class RetryConditions {
  readonly maxRetries: number;
  readonly policy: RetryPolicyConfig;
  private readonly bits: number;
  /** Of the request; null without. */
  private readonly statuses: readonly number[] | null;
  private readonly headerNames: readonly string[] | null;

  constructor(policy: RetryPolicyConfig, headers: RequestHeaderMap) {
    this.policy = policy;
    const on = headers.get(Headers.EnvoyRetryOn);
    const grpcOn = headers.get(Headers.EnvoyRetryGrpcOn);
    let bits = policy.retryOn;
    if (on !== undefined) bits |= parseRetryOn(on);
    if (grpcOn !== undefined) bits |= parseRetryGrpcOn(grpcOn);
    const { retriableRequestHeaders } = policy;
    if (retriableRequestHeaders.length > 0) {
      if (!retriableRequestHeaders.some((matcher) => matcher.matches(headers))) bits = 0;
    }
    this.bits = bits;
    const max = bits === 0 ? undefined : headers.get(Headers.EnvoyMaxRetries);
    this.maxRetries = max !== undefined && isNumber(max) ? Number(max) : policy.numRetries;
    const statuses = headers.get(Headers.EnvoyRetriableStatusCodes);
    this.statuses = statuses === undefined ? null : words(statuses).filter(isNumber).map(Number);
    const names = headers.get(Headers.EnvoyRetriableHeaderNames);
    this.headerNames = names === undefined ? null : words(names.toLowerCase());
  }

  get any(): boolean {
    return this.bits !== 0;
  }

  onHeaders(response: ResponseHeaderMap, request: RequestHeaderMap): number {
    const { bits } = this;
    const { status } = response;
    // Answers of a rate limit upstream are tried again only when that is meant.
    if (response.has(Headers.EnvoyRateLimited)) return backOffIf(bits & RetryOn.EnvoyRateLimited);
    if (status >= 500 && status < 600 && (bits & RetryOn.ServerError) !== 0) return AFTER_BACK_OFF;
    if ((bits & RetryOn.GatewayError) !== 0 && status >= 502 && status <= 504) {
      return AFTER_BACK_OFF;
    }
    if ((bits & RetryOn.Retriable4xx) !== 0 && status === 409) return AFTER_BACK_OFF;
    if ((bits & RetryOn.RetriableStatusCodes) !== 0 && this.lists(status)) {
      if (status !== TOO_EARLY) return AFTER_BACK_OFF;
      if (!request.has(EARLY_DATA)) return AT_ONCE;
    }
    if ((bits & RetryOn.RetriableHeaders) !== 0 && this.hasRetriableHeader(response)) {
      return AFTER_BACK_OFF;
    }
    return backOffIf((bits & GRPC_BITS) === 0 ? 0 : bits & grpcBit(response));
  }

  onReset(reason: StreamResetReason, requestStarted: boolean): number {
    const { bits } = this;
    if (reason === "overflow") return WONT;
    if ((bits & RetryOn.ConnectFailure) !== 0 && CONNECT_FAILURES.has(reason)) {
      return AFTER_BACK_OFF;
    }
    if ((bits & RetryOn.ResetBeforeRequest) !== 0 && !requestStarted) return AFTER_BACK_OFF;
    if ((bits & RetryOn.RefusedStream) !== 0 && reason === "remote refused stream reset") {
      return AFTER_BACK_OFF;
    }
    // A reset ends in a 5xx for the client.
    return backOffIf(bits & (RetryOn.Reset | RetryOn.ServerError | RetryOn.GatewayError));
  }

  private lists(status: number): boolean {
    if (this.policy.retriableStatusCodes.includes(status)) return true;
    return this.statuses?.includes(status) === true;
  }

  private hasRetriableHeader(response: ResponseHeaderMap): boolean {
    const { retriableHeaders } = this.policy;
    for (let index = 0; index < retriableHeaders.length; index++) {
      if (retriableHeaders[index]?.matches(response) === true) return true;
    }
    if (this.headerNames === null) return false;
    for (const name of response.names) if (this.headerNames.includes(name.text)) return true;
    return false;
  }
}

function backOffIf(bits: number): number {
  return bits === 0 ? WONT : AFTER_BACK_OFF;
}

function grpcBit(response: ResponseHeaderMap): number {
  return GRPC_STATUS_BITS.get(response.get(Headers.GrpcStatus) ?? "") ?? 0;
}

function words(list: string): string[] {
  return list.split(",").map((word) => word.trim());
}

function isNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}
