/** `Mutations` of the header_mutation filter, compiled. */
import { toByteString } from "../../../base/byte-string.ts";
import type { HeaderDirection } from "../../../codec/inline-headers.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { HeaderMutation as MutationMessage } from "../../../proto/generated/envoy/config/common/mutation_rules/v3.ts";
import type { KeyValueMutation } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { Mutations as Message } from "../../../proto/generated/envoy/extensions/filters/http/header_mutation/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import { compileHeaderChanges, type Mutation } from "../../../route/header-changes.ts";
import { QueryMutation } from "./query-mutation.ts";

/** What one level changes, in order. */
export interface Mutations {
  readonly request: readonly Mutation[];
  readonly query: readonly QueryMutation[];
  readonly requestTrailers: readonly Mutation[];
  readonly response: readonly Mutation[];
  readonly responseTrailers: readonly Mutation[];
}

/** Problems are in the context. */
export function compileMutations(
  message: Message,
  formats: FormatParser,
  context: CompileContext,
): Mutations {
  const list = (
    direction: HeaderDirection,
    messages: readonly MutationMessage[] | undefined,
    field: string,
  ): Mutation[] => compileHeaderChanges(direction, messages ?? [], formats, context, field);
  return {
    request: list("request", message.requestMutations, "request_mutations"),
    query: compileQuery(message.queryParameterMutations ?? [], formats, context),
    requestTrailers: list(
      "request",
      message.requestTrailersMutations,
      "request_trailers_mutations",
    ),
    response: list("response", message.responseMutations, "response_mutations"),
    responseTrailers: list(
      "response",
      message.responseTrailersMutations,
      "response_trailers_mutations",
    ),
  };
}

function compileQuery(
  messages: readonly KeyValueMutation[],
  formats: FormatParser,
  context: CompileContext,
): QueryMutation[] {
  return messages.flatMap((message, index) => {
    const mutation = compileQueryMutation(
      message,
      formats,
      context.at("query_parameter_mutations", index),
    );
    return mutation === null ? [] : [mutation];
  });
}

function compileQueryMutation(
  message: KeyValueMutation,
  formats: FormatParser,
  context: CompileContext,
): QueryMutation | null {
  const { append, remove = "" } = message;
  if (append === undefined) {
    if (remove !== "") return new QueryMutation(toByteString(remove), "REMOVE", null);
    return context.error("The mutation is empty", "set append or remove");
  }
  const { key = "", value } = append.record ?? {};
  const at = context.at("append").at("record");
  if (append.record === undefined) return at.error("The parameter is missing", "set key and value");
  if (typeof value !== "string")
    return at
      .at("value")
      .error("Only texts may be values of parameters", "put the value in quotes");
  const format = formats.parseText(value, { omitEmptyValues: true }, at.at("value"));
  return format === null
    ? null
    : new QueryMutation(toByteString(key), append.action ?? "APPEND_IF_EXISTS_OR_ADD", format);
}
