/**
 * Whether a gRPC response counts as a success of its host: only `grpc-status` knows. Envoy:
 * `Filter::handleNon5xxResponseHeaders`, `Grpc::Utility::grpcToHttpStatus`.
 */
import type { HeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";

/** HTTP statuses of gRPC statuses 0 … 16. */
const HTTP_STATUSES: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** 500 for what is no status. Envoy: `Grpc::Utility::grpcToHttpStatus`. */
export function grpcToHttpStatus(status: string): number {
  return (/^\d+$/.test(status) ? HTTP_STATUSES[Number(status)] : undefined) ?? 500;
}

/** OK, and the codes that blame the client. */
const NOT_OUR_FAULT: ReadonlySet<string> = new Set("0 1 3 5 6 7 8 9 10 11 16".split(" "));

export function isGrpcSuccess(headersOrTrailers: HeaderMap): boolean {
  const status = headersOrTrailers.get(Headers.GrpcStatus);
  return status !== undefined && NOT_OUR_FAULT.has(status);
}
