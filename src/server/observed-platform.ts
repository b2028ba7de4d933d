/** The platform as a server uses it: bugs are counted and logged, debug lines written. */
import type { AccessLogger } from "../http/access-log.ts";
import type { LoggerRegistry } from "../log/logger.ts";
import { BugReport } from "./bug-report.ts";
import type { DataPlanePlatform } from "./data-plane.ts";
import { LoggedDns, LoggedSockets, RequestLog } from "./debug-logs.ts";

export interface Observed {
  readonly platform: DataPlanePlatform;
  readonly bugs: BugReport;
  /** For every HTTP connection manager of the configuration. */
  readonly requestLogs: readonly AccessLogger[];
}

export function observe(platform: DataPlanePlatform, loggers: LoggerRegistry): Observed {
  const bugs = new BugReport(loggers.get("envoy_bug"));
  return {
    bugs,
    platform: {
      ...platform,
      sockets: new LoggedSockets(platform.sockets, loggers),
      dns: new LoggedDns(platform.dns, loggers.get("dns")),
      onBug: (error) => {
        bugs.report(error);
        platform.onBug(error);
      },
    },
    requestLogs: [new RequestLog(loggers.get("http"))],
  };
}
