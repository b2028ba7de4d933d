/**
 * Access logging as a listener sees it. The loggers live above (`http/access-log.ts`,
 * `extensions/access-loggers`); a listener is given this view of them. Envoy: `AccessLog::Instance`
 * on `Listener.access_log`.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { AccessLog } from "../proto/generated/envoy/config/accesslog/v3.ts";
import type { StreamInfo } from "./stream-info.ts";

/** Writes one line per connection. */
export interface ConnectionLog {
  /** Once, when the connection ends. */
  log(streamInfo: StreamInfo, nowMs: number): void;
}

/** Compiles and makes connection logs. */
export interface ConnectionLogCompiler {
  /** Pure; null after reporting what is wrong. */
  compile(message: AccessLog, context: CompileContext): object | null;
  /** Opens what the compiled log writes to. */
  create(config: object): ConnectionLog;
}
