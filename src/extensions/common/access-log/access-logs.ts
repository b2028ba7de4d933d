// hot: per request
/**
 * `access_log` entries of connection managers, TCP proxies and listeners, compiled: a filter and a
 * logger. Envoy: `AccessLogFactory::fromProto`.
 */
import { nearestName } from "../../../base/nearest-name.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import type { ConnectionLog, ConnectionLogCompiler } from "../../../network/connection-log.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { AccessLog } from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { AccessLogType, FormatterContext } from "../../../route/formatter.ts";
import type { AccessLogFilter } from "./access-log-filter.ts";
import type { AccessLoggerFactory, AccessLoggerType } from "./access-logger-type.ts";
import {
  type AccessLogFilterServices,
  compileAccessLogFilter,
} from "./compile-access-log-filter.ts";

interface CompiledLog {
  readonly filter: AccessLogFilter | null;
  readonly factory: AccessLoggerFactory;
}

export class AccessLogs implements ConnectionLogCompiler {
  private readonly types: readonly AccessLoggerType[];
  private readonly services: AccessLogFilterServices;

  constructor(types: readonly AccessLoggerType[], services: AccessLogFilterServices) {
    this.types = types;
    this.services = services;
  }

  /** Pure; null after reporting what is wrong. */
  compile(message: AccessLog, context: CompileContext): object | null {
    const at = context.at("filter");
    const filter =
      message.filter === undefined
        ? null
        : compileAccessLogFilter(message.filter, this.services, at);
    const factory = this.compileLogger(message, context.at("typed_config"));
    if (factory === null || (filter === null && message.filter !== undefined)) return null;
    return { filter, factory } satisfies CompiledLog;
  }

  /** Opens what the compiled log writes to. */
  createLogger(compiled: object): AccessLogger {
    const { filter, factory } = compiled as CompiledLog;
    const logger = factory.create();
    return filter === null ? logger : new FilteredLogger(filter, logger);
  }

  /** For listeners: one line per connection. */
  create(compiled: object): ConnectionLog {
    return new ConnectionLogger(this.createLogger(compiled));
  }

  private compileLogger(
    { name, typedConfig }: AccessLog,
    context: CompileContext,
  ): AccessLoggerFactory | null {
    if (typedConfig === undefined)
      return context.error(`Access log ${name ?? ""} has no configuration`, "set typed_config");
    const wanted = messageNameOf(typedConfig.typeUrl);
    const type = this.types.find(({ messages }) => messages.includes(wanted));
    if (type !== undefined) return type.compile((typedConfig.value ?? {}) as object, context);
    const known = this.types.flatMap(({ messages }) => messages);
    const nearest = nearestName(wanted, known) ?? known.join(", ");
    return context.error(`Access logger ${wanted} is not supported`, `use ${nearest}`);
  }
}

class FilteredLogger implements AccessLogger {
  private readonly filter: AccessLogFilter;
  private readonly logger: AccessLogger;

  constructor(filter: AccessLogFilter, logger: AccessLogger) {
    this.filter = filter;
    this.logger = logger;
  }

  log(context: FormatterContext): void {
    if (this.filter.matches(context)) this.logger.log(context);
  }
}

/** The view of a connection that has no HTTP; reused from line to line. */
class ConnectionContext implements FormatterContext {
  readonly requestHeaders: RequestHeaderMap | null = null;
  readonly responseHeaders: ResponseHeaderMap | null = null;
  readonly responseTrailers: HeaderMap | null = null;
  readonly logType: AccessLogType = "NotSet";
  streamInfo: StreamInfo;
  nowMs: number;

  constructor(streamInfo: StreamInfo, nowMs: number) {
    this.streamInfo = streamInfo;
    this.nowMs = nowMs;
  }
}

class ConnectionLogger implements ConnectionLog {
  private readonly logger: AccessLogger;

  constructor(logger: AccessLogger) {
    this.logger = logger;
  }

  log(streamInfo: StreamInfo, nowMs: number): void {
    this.logger.log(new ConnectionContext(streamInfo, nowMs));
  }
}
