/** Every access logger, one line each: the line says what it depends on. */
import type { AccessLoggerType } from "../common/access-log/access-logger-type.ts";
import { type FileLoggerServices, fileAccessLog } from "./file/file.ts";
import { stderrAccessLog, stdoutAccessLog } from "./stream/stream.ts";

export function accessLoggers(services: FileLoggerServices): readonly AccessLoggerType[] {
  return [fileAccessLog(services), stdoutAccessLog(services), stderrAccessLog(services)];
}
