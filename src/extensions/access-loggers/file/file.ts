/**
 * Access logs in a file, appended in batches. Envoy: `envoy.access_loggers.file`
 * (source/extensions/access_loggers/file/config.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { FileAccessLog } from "../../../proto/generated/envoy/extensions/access_loggers/file/v3.ts";
import type { Formatter } from "../../../route/formatter.ts";
import type {
  AccessLoggerFactory,
  AccessLoggerType,
} from "../../common/access-log/access-logger-type.ts";
import { DEFAULT_FORMAT, LineLogger, type LogFiles } from "../../common/access-log/line-logger.ts";
import {
  compileSubstitutionFormat,
  type FormatServices,
} from "../../common/substitution-format.ts";

const DASHES = { omitEmptyValues: false };

export interface FileLoggerServices extends FormatServices {
  readonly files: LogFiles;
  /** Why a log file cannot be appended to (`EACCES`, …), or null. */
  appendProblem(path: string): string | null;
}

export function fileAccessLog(services: FileLoggerServices): AccessLoggerType {
  return {
    name: "envoy.access_loggers.file",
    messages: ["envoy.extensions.access_loggers.file.v3.FileAccessLog"],
    compile: (message, context) => compile(message as FileAccessLog, services, context),
  };
}

function compile(
  message: FileAccessLog,
  services: FileLoggerServices,
  context: CompileContext,
): AccessLoggerFactory | null {
  const format = compileFormat(message, services, context);
  const path = message.path ?? "";
  const problem = services.appendProblem(path);
  if (problem !== null) {
    return context
      .at("path")
      .error(
        `Log file ${path} cannot be written: ${problem}`,
        "give a path in a folder that exists and may be written",
      );
  }
  return format === null
    ? null
    : { create: () => new LineLogger(format, services.files.open(path)) };
}

function compileFormat(
  message: FileAccessLog,
  services: FileLoggerServices,
  context: CompileContext,
): Formatter | null {
  const { formats } = services;
  if (message.logFormat !== undefined) {
    return (
      compileSubstitutionFormat(message.logFormat, services, context.at("log_format"))?.formatter ??
      null
    );
  }
  if (message.jsonFormat !== undefined) {
    return formats.parseJson(message.jsonFormat, DASHES, context.at("json_format"));
  }
  if (message.typedJsonFormat !== undefined) {
    return formats.parseJson(message.typedJsonFormat, DASHES, context.at("typed_json_format"));
  }
  return formats.parseText(message.format || DEFAULT_FORMAT, DASHES, context.at("format"));
}
