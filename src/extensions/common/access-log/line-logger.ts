// hot: per request
/**
 * Formats a stream and appends the line to a log file. Envoy: `FileAccessLog`, `StreamAccessLog`.
 */
import type { AccessLogger } from "../../../http/access-log.ts";
import type { LogFile } from "../../../platform/files.ts";
import type { Formatter, FormatterContext } from "../../../route/formatter.ts";

/** Opens log files; several loggers of one path share it. */
export interface LogFiles {
  open(path: string): LogFile;
}

/** Envoy's default format. */
export const DEFAULT_FORMAT: string =
  '[%START_TIME%] "%REQUEST_HEADER(:METHOD)% %REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% " +
  '%RESPONSE_HEADER(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQUEST_HEADER(X-FORWARDED-FOR)%" ' +
  '"%REQUEST_HEADER(USER-AGENT)%" "%REQUEST_HEADER(X-REQUEST-ID)%" "%REQUEST_HEADER(:AUTHORITY)%" ' +
  '"%UPSTREAM_HOST%"\n';

export class LineLogger implements AccessLogger {
  private readonly format: Formatter;
  private readonly file: LogFile;

  constructor(format: Formatter, file: LogFile) {
    this.format = format;
    this.file = file;
  }

  log(context: FormatterContext): void {
    this.file.append(this.format.format(context));
  }
}
