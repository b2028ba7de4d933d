/** What admin endpoints may know and do: one value, handed to each of them. */
import type { LoggerRegistry } from "../../log/logger.ts";
import type { Server } from "../server.ts";
import type { ProcessMemory } from "../server-gauges.ts";

export interface ProcessFacts {
  memory(): ProcessMemory;
  /** Version of the JavaScript runtime. */
  readonly runtimeVersion: string;
  /** Arguments and flags as /server_info shows them. */
  readonly commandLineOptions: Readonly<Record<string, unknown>>;
}

export interface AdminHost {
  readonly server: Server;
  readonly loggers: LoggerRegistry;
  readonly processFacts: ProcessFacts;
  /** /quitquitquit: an orderly end without drain. */
  quit(): void;
  /** /reopen_logs. */
  reopenLogs(): void;
}
