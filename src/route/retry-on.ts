/**
 * The words of `retry_on` and of the headers that add to it, as bits. Unknown words count for
 * nothing. Envoy: `RetryStateImpl::parseRetryOn`, `parseRetryGrpcOn`
 * (source/common/router/retry_state_impl.cc).
 */
import { nearestName } from "../base/nearest-name.ts";

export const RetryOn = {
  ServerError: 0x1,
  GatewayError: 0x2,
  Reset: 0x4,
  ResetBeforeRequest: 0x8,
  ConnectFailure: 0x10,
  EnvoyRateLimited: 0x20,
  Retriable4xx: 0x40,
  RefusedStream: 0x80,
  RetriableStatusCodes: 0x100,
  RetriableHeaders: 0x200,
  Http3PostConnectFailure: 0x400,
  GrpcCancelled: 0x800,
  GrpcDeadlineExceeded: 0x1000,
  GrpcInternal: 0x2000,
  GrpcResourceExhausted: 0x4000,
  GrpcUnavailable: 0x8000,
} as const;

const HTTP_WORDS: ReadonlyMap<string, number> = new Map<string, number>([
  ["5xx", RetryOn.ServerError],
  ["gateway-error", RetryOn.GatewayError],
  ["reset", RetryOn.Reset],
  ["reset-before-request", RetryOn.ResetBeforeRequest],
  ["connect-failure", RetryOn.ConnectFailure],
  ["envoy-ratelimited", RetryOn.EnvoyRateLimited],
  ["retriable-4xx", RetryOn.Retriable4xx],
  ["refused-stream", RetryOn.RefusedStream],
  ["retriable-status-codes", RetryOn.RetriableStatusCodes],
  ["retriable-headers", RetryOn.RetriableHeaders],
  ["http3-post-connect-failure", RetryOn.Http3PostConnectFailure],
]);

const GRPC_WORDS: ReadonlyMap<string, number> = new Map<string, number>([
  ["cancelled", RetryOn.GrpcCancelled],
  ["deadline-exceeded", RetryOn.GrpcDeadlineExceeded],
  ["internal", RetryOn.GrpcInternal],
  ["resource-exhausted", RetryOn.GrpcResourceExhausted],
  ["unavailable", RetryOn.GrpcUnavailable],
]);

/** Bits of `RetryOn` in a comma-separated list: `x-envoy-retry-on`. */
export function parseRetryOn(text: string): number {
  return bits(text, HTTP_WORDS);
}

/** As `parseRetryOn`, for `x-envoy-retry-grpc-on`. */
export function parseRetryGrpcOn(text: string): number {
  return bits(text, GRPC_WORDS);
}

function bits(text: string, words: ReadonlyMap<string, number>): number {
  let found = 0;
  for (const word of text.split(",")) found |= words.get(word.trim()) ?? 0;
  return found;
}

/** The words of a list that mean nothing, with the one that was probably meant, or null. */
export function unknownRetryWords(text: string): readonly (readonly [string, string | null])[] {
  const known = [...HTTP_WORDS.keys(), ...GRPC_WORDS.keys()];
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "" && !known.includes(word))
    .map((word) => [word, nearestName(word, known)]);
}
