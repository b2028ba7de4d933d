/** What the HTTP connection manager needs from outside to be compiled and made. */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import type { HttpFilterCatalogue } from "../../../http/http-filter-catalogue.ts";
import type { LocalReplyMapper } from "../../../http/local-reply.ts";
import type { RouteSubscriptions } from "../../../http/route-subscriptions.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { AccessLog } from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { LocalReplyConfig } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { RouteServices } from "../../../route/route-services.ts";
import type { NodeFacts } from "./forwarding.ts";

/** Compiles what the connection manager's message refers to. */
export interface HttpServices {
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
  readonly node: NodeFacts;
  readonly filters: HttpFilterCatalogue;
  /**
   * What route tables are compiled with; asked at each compilation, since known clusters change.
   */
  routes(): RouteServices;
  readonly routeSubscriptions: RouteSubscriptions;
  compileAccessLog(message: AccessLog, context: CompileContext): object | null;
  createAccessLogger(config: object): AccessLogger;
  /** See every stream, besides the configured access logs. */
  readonly requestLogs: readonly AccessLogger[];
  compileLocalReplies(
    message: LocalReplyConfig | undefined,
    context: CompileContext,
  ): LocalReplyMapper;
}
