/**
 * `local_reply_config`, compiled: the first mapper whose filter matches changes status, body and
 * headers of an answer that the proxy makes itself; then the body is formatted. Envoy:
 * `LocalReplyImpl` (source/common/local_reply/local_reply.cc).
 */
import { toByteString } from "../../../base/byte-string.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  type LocalReplyMapper,
  PLAIN_LOCAL_REPLIES,
  type RewrittenBody,
} from "../../../http/local-reply.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { DataSource } from "../../../proto/generated/envoy/config/core/v3.ts";
import type {
  LocalReplyConfig,
  ResponseMapper,
} from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { AccessLogType, FormatterContext } from "../../../route/formatter.ts";
import { compileHeaderAdditions, HeaderMutations } from "../../../route/header-mutation.ts";
import type { AccessLogFilter } from "../../common/access-log/access-log-filter.ts";
import {
  type AccessLogFilterServices,
  compileAccessLogFilter,
} from "../../common/access-log/compile-access-log-filter.ts";
import {
  compileSubstitutionFormat,
  type FormatServices,
  type SubstitutionFormat,
} from "../../common/substitution-format.ts";

export interface LocalReplyServices extends FormatServices, AccessLogFilterServices {}

interface Mapper {
  readonly filter: AccessLogFilter;
  /** 0: as it is. */
  readonly status: number;
  /** Null: as it is. */
  readonly body: string | null;
  readonly headers: HeaderMutations;
  readonly format: SubstitutionFormat | null;
}

/** Problems are in the context. */
export function compileLocalReplies(
  message: LocalReplyConfig | undefined,
  services: LocalReplyServices,
  context: CompileContext,
): LocalReplyMapper {
  if (message === undefined) return PLAIN_LOCAL_REPLIES;
  const mappers = (message.mappers ?? []).flatMap((mapper, index) => {
    const compiled = compileMapper(mapper, services, context.at("mappers", index));
    return compiled === null ? [] : [compiled];
  });
  const { bodyFormat } = message;
  const at = context.at("body_format");
  const format =
    bodyFormat === undefined ? null : compileSubstitutionFormat(bodyFormat, services, at);
  return new ConfiguredLocalReplies(mappers, format);
}

function compileMapper(
  message: ResponseMapper,
  services: LocalReplyServices,
  context: CompileContext,
): Mapper | null {
  const filter = compileAccessLogFilter(message.filter ?? {}, services, context.at("filter"));
  const override = message.bodyFormatOverride;
  const at = context.at("body_format_override");
  const format = override === undefined ? null : compileSubstitutionFormat(override, services, at);
  const { formats } = services;
  const added = compileHeaderAdditions(
    "response",
    message.headersToAdd,
    formats,
    context,
    "headers_to_add",
  );
  const headers = new HeaderMutations([], added);
  const body =
    message.body === undefined ? null : readBody(message.body, services, context.at("body"));
  return filter === null
    ? null
    : { filter, status: message.statusCode ?? 0, body, headers, format };
}

function readBody(
  source: DataSource,
  services: FormatServices,
  context: CompileContext,
): string | null {
  if (source.inlineString !== undefined) return toByteString(source.inlineString);
  const bytes = services.readData(source, context);
  return bytes === null ? null : Buffer.from(bytes).toString("latin1");
}

/** The stream as filters and formats of a local reply see it; one at a time. */
class ReplyContext implements FormatterContext {
  readonly responseTrailers: HeaderMap | null = null;
  readonly logType: AccessLogType = "NotSet";
  streamInfo: StreamInfo;
  requestHeaders: RequestHeaderMap | null;
  responseHeaders: ResponseHeaderMap;
  nowMs: number;

  constructor(context: FormatterContext, headers: ResponseHeaderMap) {
    this.streamInfo = context.streamInfo;
    this.requestHeaders = context.requestHeaders;
    this.responseHeaders = headers;
    this.nowMs = context.nowMs;
  }
}

class ConfiguredLocalReplies implements LocalReplyMapper {
  private readonly mappers: readonly Mapper[];
  private readonly format: SubstitutionFormat | null;

  constructor(mappers: readonly Mapper[], format: SubstitutionFormat | null) {
    this.mappers = mappers;
    this.format = format;
  }

  rewrite(headers: ResponseHeaderMap, body: string, context: FormatterContext): RewrittenBody {
    const reply = new ReplyContext(context, headers);
    const { streamInfo } = reply;
    // Filters and formats read the status here.
    streamInfo.responseCode = headers.status;
    const mapper = this.mappers.find(({ filter }) => filter.matches(reply));
    const replaced = mapper?.body ?? body;
    if (mapper !== undefined) applyMapper(mapper, headers, reply);
    const format = mapper?.format ?? this.format;
    if (format === null) return { body: replaced, contentType: "text/plain" };
    streamInfo.localReplyBody = replaced;
    const formatted = format.formatter.format(reply);
    streamInfo.localReplyBody = "";
    return { body: formatted, contentType: format.contentType };
  }
}

/** Headers are computed while the old status still holds. */
function applyMapper(mapper: Mapper, headers: ResponseHeaderMap, reply: ReplyContext): void {
  mapper.headers.apply(headers, reply);
  if (mapper.status === 0) return;
  headers.status = mapper.status;
  reply.streamInfo.responseCode = mapper.status;
}
