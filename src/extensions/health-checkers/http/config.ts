/** `HttpHealthCheck`, compiled. */
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  compileStringMatcher,
  type StringMatcher,
} from "../../../config/matcher/string-matcher.ts";
import type { HealthCheck_HttpHealthCheck as Message } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { Int64Range } from "../../../proto/generated/envoy/type/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import { compileHeaderMutations, type HeaderMutations } from "../../../route/header-mutation.ts";
import { compilePayload } from "../../common/payload.ts";

const RESPONSE_BUFFER_BYTES = 1024;
const OK = 200;
const BODILESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "TRACE"]);

/** Statuses from `start` on, below `end`. */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

export interface HttpCheckConfig {
  /** "": the name of the cluster. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  /** Body of the request; null = none. */
  readonly body: Buffer | null;
  readonly headers: HeaderMutations;
  /** What the body of the response must contain, in this order. */
  readonly expectedBody: readonly Buffer[];
  /** Of the response's body no more than this is looked at; 0 = all of it. */
  readonly responseBufferBytes: number;
  readonly expectedStatuses: readonly StatusRange[];
  readonly retriableStatuses: readonly StatusRange[];
  /** Of `x-envoy-upstream-healthchecked-cluster`; null: any service will do. */
  readonly serviceName: StringMatcher | null;
  readonly http2: boolean;
}

/** Null after an error was reported. */
export function compileHttpCheck(
  message: Message,
  formats: FormatParser,
  context: CompileContext,
): HttpCheckConfig | null {
  const before = context.diagnostics.length;
  const method = compileMethod(message, context);
  const config: HttpCheckConfig = {
    host: message.host ?? "",
    path: message.path ?? "",
    method,
    body: compileBody(message, method, context),
    headers: compileHeaderMutations(
      "request",
      message.requestHeadersToAdd,
      message.requestHeadersToRemove,
      formats,
      context,
    ),
    expectedBody: (message.receive ?? [])
      .map((one, index) => compilePayload(one, context.at("receive", index)))
      .filter((one) => one !== null),
    responseBufferBytes: Number(message.responseBufferSize ?? RESPONSE_BUFFER_BYTES),
    expectedStatuses: compileExpected(message, context),
    retriableStatuses: compileRanges("retriable", message.retriableStatuses, context),
    serviceName:
      message.serviceNameMatcher === undefined
        ? null
        : compileStringMatcher(message.serviceNameMatcher, context.at("service_name_matcher")),
    http2: message.codecClientType === "HTTP2",
  };
  checkExpectedBody(config, context);
  if (message.codecClientType === "HTTP3") {
    context.at("codec_client_type").error("HTTP/3 is not supported", "use HTTP1 or HTTP2");
  }
  const failed = context.diagnostics.slice(before).some((one) => one.severity === "error");
  return failed ? null : Object.freeze(config);
}

function compileMethod(
  { method = "METHOD_UNSPECIFIED" }: Message,
  context: CompileContext,
): string {
  if (method === "CONNECT") {
    context.at("method").error("A health check cannot use CONNECT", "use another method");
  }
  return method === "METHOD_UNSPECIFIED" ? "GET" : method;
}

function compileBody(message: Message, method: string, context: CompileContext): Buffer | null {
  if (message.send === undefined) return null;
  if (BODILESS_METHODS.has(method)) {
    return context
      .at("send")
      .error(
        `HTTP health check cannot specify a request payload with method '${method}'`,
        "use POST, PUT, PATCH or OPTIONS",
      );
  }
  return compilePayload(message.send, context.at("send"));
}

function compileExpected(message: Message, context: CompileContext): readonly StatusRange[] {
  const ranges = compileRanges("expected", message.expectedStatuses, context);
  return ranges.length > 0 ? ranges : [{ start: OK, end: OK + 1 }];
}

function compileRanges(
  word: "expected" | "retriable",
  messages: readonly Int64Range[] | undefined,
  context: CompileContext,
): readonly StatusRange[] {
  return (messages ?? []).map((message, index) => {
    const at = context.at(`${word}_statuses`, index);
    const start = Number(message.start ?? 0);
    const end = Number(message.end ?? 0);
    const problem = rangeProblem(start, end);
    if (problem !== null) at.error(`Invalid http ${word} status range: ${problem}`, RANGE_REMEDY);
    return { start, end };
  });
}

const RANGE_REMEDY = "write the first status and the one after the last, such as 200 and 300";

function rangeProblem(start: number, end: number): string | null {
  if (start >= end) return `expecting start < end, but found start=${start} and end=${end}`;
  if (start < 100) return `expecting start >= 100, but found start=${start}`;
  return end > 600 ? `expecting end <= 600, but found end=${end}` : null;
}

function checkExpectedBody(config: HttpCheckConfig, context: CompileContext): void {
  const bytes = config.expectedBody.reduce((sum, one) => sum + one.length, 0);
  const limit = config.responseBufferBytes;
  if (limit === 0 || bytes <= limit) return;
  context
    .at("response_buffer_size")
    .error(
      `The expected response length '${bytes}' is over than http health response buffer size '${limit}'`,
      "make it larger, or 0 for no limit",
    );
}
