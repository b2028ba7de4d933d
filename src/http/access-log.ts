/**
 * Access logging as streams and connections see it. Envoy: `AccessLog::Instance`
 * (envoy/access_log/access_log.h).
 */
import type { FormatterContext } from "../route/formatter.ts";

export interface AccessLogger {
  /**
   * Once per stream or connection (or per period). The context may be reused by the caller
   * afterwards.
   */
  log(context: FormatterContext): void;
}
