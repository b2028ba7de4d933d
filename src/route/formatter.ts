/**
 * Substitution format strings (`%REQ(:PATH)%`) as their users see them: header mutations,
 * redirects, local replies, access logs. The command table is in `extensions/formatters`; it is
 * handed in where configuration is compiled. Envoy: `Formatter`, `SubstitutionFormatParser`
 * (envoy/formatter/substitution_formatter.h).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { StreamInfo } from "../network/stream-info.ts";

/** Envoy: `AccessLogType`. */
export type AccessLogType =
  | "NotSet"
  | "TcpUpstreamConnected"
  | "TcpPeriodic"
  | "TcpConnectionEnd"
  | "DownstreamStart"
  | "DownstreamPeriodic"
  | "DownstreamEnd"
  | "UpstreamPoolReady"
  | "UpstreamPeriodic"
  | "UpstreamEnd"
  | "DownstreamTunnelSuccessfullyEstablished";

/**
 * What formatters and log filters read. Envoy: `Formatter::Context`. One reusable object per
 * caller.
 */
export interface FormatterContext {
  readonly streamInfo: StreamInfo;
  readonly requestHeaders: RequestHeaderMap | null;
  readonly responseHeaders: ResponseHeaderMap | null;
  readonly responseTrailers: HeaderMap | null;
  readonly logType: AccessLogType;
  /** Monotonic ms now, for durations of streams in progress. */
  readonly nowMs: number;
}

/** A compiled format string. */
export interface Formatter {
  format(context: FormatterContext): string;
}

export interface FormatOptions {
  /**
   * Missing values become "" (header mutations, omit_empty_values) instead of "-" (access logs).
   */
  readonly omitEmptyValues: boolean;
}

/** Compiles format strings; reports unknown commands and bad arguments into the context. */
export interface FormatParser {
  parseText(text: string, options: FormatOptions, context: CompileContext): Formatter | null;
  /** `json_format`: one line of JSON with a trailing newline. */
  parseJson(format: object, options: FormatOptions, context: CompileContext): Formatter | null;
}
