// hot: per request
/** `%GRPC_STATUS%`. Envoy: `GrpcStatusFormatter`, `Grpc::Common::getGrpcStatus`. */
import { Headers } from "../../codec/header-names.ts";
import { httpToGrpcStatus, isGrpc } from "../../http/local-reply.ts";
import type { FormatterContext } from "../../route/formatter.ts";
import { type Command, NumberCommand, TextCommand } from "./command.ts";
import type { OperatorCall, OperatorTable } from "./operator.ts";

const SNAKE: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

const CAMEL: readonly string[] = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

const INVALID = -1;

/** The number; null for requests that are not gRPC. */
export function grpcStatusOf(context: FormatterContext): number | null {
  const { requestHeaders, responseHeaders, responseTrailers, streamInfo } = context;
  if (requestHeaders === null || !isGrpc(requestHeaders)) return null;
  const text =
    responseTrailers?.get(Headers.GrpcStatus) ?? responseHeaders?.get(Headers.GrpcStatus);
  if (text !== undefined) return /^[0-9]+$/.test(text) ? Number(text) : INVALID;
  return streamInfo.responseCode === 0 ? null : httpToGrpcStatus(streamInfo.responseCode);
}

function named(names: readonly string[]): Command {
  return new TextCommand((context) => {
    const status = grpcStatusOf(context);
    return status === null ? null : (names[status] ?? String(status));
  });
}

function create({ parameters, context }: OperatorCall): Command | null {
  switch (parameters) {
    case "":
    case "CAMEL_STRING":
      return named(CAMEL);
    case "SNAKE_STRING":
      return named(SNAKE);
    case "NUMBER":
      return new NumberCommand(grpcStatusOf);
    default:
      return context.error(
        `GRPC_STATUS does not know (${parameters})`,
        "use CAMEL_STRING, SNAKE_STRING or NUMBER",
      );
  }
}

export const GRPC_OPERATORS: OperatorTable = {
  GRPC_STATUS: { parameters: "optional", truncates: false, create },
  GRPC_STATUS_NUMBER: {
    parameters: "none",
    truncates: false,
    create: () => new NumberCommand(grpcStatusOf),
  },
};
