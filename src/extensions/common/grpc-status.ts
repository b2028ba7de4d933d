// hot: per request
/**
 * The gRPC status of a response. Envoy: `Grpc::Common::getGrpcStatus`
 * (source/common/grpc/common.cc).
 */
import { Headers } from "../../codec/header-names.ts";
import { httpToGrpcStatus } from "../../http/local-reply.ts";
import type { FormatterContext } from "../../route/formatter.ts";

/** Stands for a grpc-status that is no number. */
export const INVALID_GRPC_STATUS = -1;

const DIGITS = /^[0-9]+$/;

/** From trailers, else from headers, else from the HTTP status; null without a response. */
export function grpcStatusOf(context: FormatterContext): number | null {
  const { responseHeaders, responseTrailers, streamInfo } = context;
  const text =
    responseTrailers?.get(Headers.GrpcStatus) ?? responseHeaders?.get(Headers.GrpcStatus);
  if (text !== undefined) return DIGITS.test(text) ? Number(text) : INVALID_GRPC_STATUS;
  return streamInfo.responseCode === 0 ? null : httpToGrpcStatus(streamInfo.responseCode);
}
