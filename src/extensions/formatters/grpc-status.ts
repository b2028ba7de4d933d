// hot: per request
/** `%GRPC_STATUS%`. Envoy: `GrpcStatusFormatter`, `Grpc::Common::getGrpcStatus`. */
import { isGrpc } from "../../http/local-reply.ts";
import type { FormatterContext } from "../../route/formatter.ts";
import { grpcStatusOf } from "../common/grpc-status.ts";
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

/** The number; null for requests that are not gRPC. */
function statusOf(context: FormatterContext): number | null {
  const { requestHeaders } = context;
  return requestHeaders === null || !isGrpc(requestHeaders) ? null : grpcStatusOf(context);
}

function named(names: readonly string[]): Command {
  return new TextCommand((context) => {
    const status = statusOf(context);
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
      return new NumberCommand(statusOf);
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
    create: () => new NumberCommand(statusOf),
  },
};
