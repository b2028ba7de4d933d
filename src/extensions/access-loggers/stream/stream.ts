/**
 * Access logs on the process's own output. Envoy: `envoy.access_loggers.stdout`, `.stderr`
 * (source/extensions/access_loggers/stream/config.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { StdoutAccessLog } from "../../../proto/generated/envoy/extensions/access_loggers/stream/v3.ts";
import type { Formatter } from "../../../route/formatter.ts";
import type { AccessLoggerType } from "../../common/access-log/access-logger-type.ts";
import { DEFAULT_FORMAT, LineLogger, type LogFiles } from "../../common/access-log/line-logger.ts";
import {
  compileSubstitutionFormat,
  type FormatServices,
} from "../../common/substitution-format.ts";

export interface StreamLoggerServices extends FormatServices {
  readonly files: LogFiles;
}

export function stdoutAccessLog(services: StreamLoggerServices): AccessLoggerType {
  return streamAccessLog("stdout", "StdoutAccessLog", services);
}

export function stderrAccessLog(services: StreamLoggerServices): AccessLoggerType {
  return streamAccessLog("stderr", "StderrAccessLog", services);
}

function streamAccessLog(
  stream: string,
  message: string,
  services: StreamLoggerServices,
): AccessLoggerType {
  return {
    name: `envoy.access_loggers.${stream}`,
    messages: [`envoy.extensions.access_loggers.stream.v3.${message}`],
    compile: (config, context) => {
      const format = compileFormat(config as StdoutAccessLog, services, context);
      if (format === null) return null;
      return { create: () => new LineLogger(format, services.files.open(`/dev/${stream}`)) };
    },
  };
}

function compileFormat(
  { logFormat }: StdoutAccessLog,
  services: StreamLoggerServices,
  context: CompileContext,
): Formatter | null {
  if (logFormat === undefined) {
    return services.formats.parseText(DEFAULT_FORMAT, { omitEmptyValues: false }, context);
  }
  return (
    compileSubstitutionFormat(logFormat, services, context.at("log_format"))?.formatter ?? null
  );
}
