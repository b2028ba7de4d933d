/**
 * The command table of format strings. A new command is one entry here or in one of the families.
 * Envoy: the documentation page "Access logging", section "Command operators".
 */
import { toByteString } from "../../base/byte-string.ts";
import { ADDRESS_OPERATORS } from "./address-operators.ts";
import { coalesceOperator } from "./coalesce-operator.ts";
import { TextCommand } from "./command.ts";
import { DURATION_OPERATORS } from "./duration-operators.ts";
import { GRPC_OPERATORS } from "./grpc-status.ts";
import { HEADER_OPERATORS } from "./header-operators.ts";
import { METADATA_OPERATORS } from "./metadata-operators.ts";
import type { OperatorCall, OperatorTable } from "./operator.ts";
import { textWithParameters } from "./operator.ts";
import { STREAM_OPERATORS } from "./stream-operators.ts";
import { TIME_OPERATORS } from "./time-operators.ts";
import { TLS_OPERATORS } from "./tls-operators.ts";

/** Fixed for the life of the process: read once. */
const PROCESS_OPERATORS: OperatorTable = {
  HOSTNAME: {
    parameters: "none",
    truncates: false,
    create: ({ services }) => constant(services.host.hostname),
  },
  ENVIRONMENT: textWithParameters(({ parameters, services }: OperatorCall) => {
    const value = services.host.variable(parameters);
    // A variable that is not set prints a dash, also where missing values are left out.
    const bytes = toByteString(value ?? "-");
    return () => bytes;
  }),
};

function constant(text: string): TextCommand {
  const bytes = text === "" ? null : toByteString(text);
  return new TextCommand(() => bytes);
}

export const OPERATORS: OperatorTable = {
  ...TIME_OPERATORS,
  ...HEADER_OPERATORS,
  ...STREAM_OPERATORS,
  ...DURATION_OPERATORS,
  ...ADDRESS_OPERATORS,
  ...METADATA_OPERATORS,
  ...GRPC_OPERATORS,
  ...TLS_OPERATORS,
  ...PROCESS_OPERATORS,
  COALESCE: coalesceOperator(() => OPERATORS),
};
