/** An access logger as configuration names it. Envoy: `AccessLogInstanceFactory`. */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { AccessLogger } from "../../../http/access-log.ts";

/** A compiled logger that has opened nothing yet. */
export interface AccessLoggerFactory {
  create(): AccessLogger;
}

export interface AccessLoggerType {
  /** Canonical name, `envoy.access_loggers.file`. */
  readonly name: string;
  /** Full message names, without the type.googleapis.com prefix. */
  readonly messages: readonly string[];
  /** Pure; null after reporting what is wrong. */
  compile(message: object, context: CompileContext): AccessLoggerFactory | null;
}
