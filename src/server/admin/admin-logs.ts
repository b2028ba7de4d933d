/** `admin.access_log`: compiled with the bootstrap, opened with the admin port. */
import type { CompileContext } from "../../config/compile-context.ts";
import type { AccessLogger } from "../../http/access-log.ts";
import type { AccessLog } from "../../proto/generated/envoy/config/accesslog/v3.ts";
import type { DataPlane } from "../data-plane.ts";

/** Opens the compiled logs. */
export type OpenAdminLogs = () => AccessLogger[];

/** Pure; problems are in the context of the bootstrap. */
export function compileAdminLogs(
  { accessLogs }: DataPlane,
  messages: readonly AccessLog[],
  context: CompileContext,
): OpenAdminLogs {
  const at = context.at("admin");
  const compiled = messages.flatMap((message, index) => {
    const log = accessLogs.compile(message, at.at("access_log", index));
    return log === null ? [] : [log];
  });
  return () => compiled.map((log) => accessLogs.createLogger(log));
}
