/** `Mutations` of the header_mutation filter, compiled. */
import { toByteString } from "../../../base/byte-string.ts";
import { headerName } from "../../../codec/header-names.ts";
import type { HeaderDirection } from "../../../codec/inline-headers.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { compileStringMatcher } from "../../../config/matcher/string-matcher.ts";
import type { HeaderMutation as MutationMessage } from "../../../proto/generated/envoy/config/common/mutation_rules/v3.ts";
import type { KeyValueMutation } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { Mutations as Message } from "../../../proto/generated/envoy/extensions/filters/http/header_mutation/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import { compileHeaderAddition, HeaderMutations } from "../../../route/header-mutation.ts";
import { MatchRemoval, type Mutation } from "./mutation.ts";
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
  ): Mutation[] => compileList(direction, messages ?? [], formats, context, field);
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

function compileList(
  direction: HeaderDirection,
  messages: readonly MutationMessage[],
  formats: FormatParser,
  context: CompileContext,
  field: string,
): Mutation[] {
  return messages.flatMap((message, index) => {
    const mutation = compileMutation(direction, message, formats, context.at(field, index));
    return mutation === null ? [] : [mutation];
  });
}

function compileMutation(
  direction: HeaderDirection,
  message: MutationMessage,
  formats: FormatParser,
  context: CompileContext,
): Mutation | null {
  if (message.append !== undefined) {
    const addition = compileHeaderAddition(
      message.append,
      direction,
      formats,
      context.at("append"),
    );
    return addition === null ? null : new HeaderMutations([], [addition]);
  }
  if (message.removeOnMatch !== undefined) {
    const at = context.at("remove_on_match").at("key_matcher");
    const matcher = compileStringMatcher(message.removeOnMatch.keyMatcher ?? {}, at);
    return matcher === null ? null : new MatchRemoval(matcher);
  }
  if (message.remove === undefined)
    return context.error("The mutation is empty", "set append, remove or remove_on_match");
  const name = headerName(message.remove);
  if (!name.pseudo && name.text !== "host") return new HeaderMutations([name], []);
  return context
    .at("remove")
    .error(
      `Without ${message.remove} a message cannot be forwarded`,
      "use host and path rewrites of the route",
    );
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
