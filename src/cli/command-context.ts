/**
 * What commands need of the process: given by the entry, so that tests run commands without one.
 */
import type { ConfigLoader } from "../config/config-loader.ts";
import type { LogSink } from "../log/logger.ts";
import type { AdminHost } from "../server/admin/admin-host.ts";
import type { DataPlanePlatform } from "../server/data-plane.ts";
import type { PlaneThreads } from "../server/threads/create-threaded-planes.ts";

export type StopSignal = "first" | "second";

export interface CommandContext {
  readonly platform: DataPlanePlatform;
  /** Makes the loader of configuration: a child process, or (`local`) this process. */
  createLoader(kind: "child" | "local"): Promise<ConfigLoader>;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Where the log goes: stderr or `--log-path`. */
  openLogSink(path: string): LogSink;
  readonly processId: number;
  readonly runtimeVersion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** SIGTERM and SIGINT. */
  onStopSignal(listener: () => void): void;
  /** SIGHUP, which ends a process that does not listen. */
  onHangUpSignal(listener: () => void): void;
  /** SIGUSR1: log rotation. */
  onReopenSignal(listener: () => void): void;
  /** Errors that nothing caught; with a listener they do not end the process. */
  onUncaughtError(listener: (error: unknown) => void): void;
  reopenLogs(): void;
  flushLogs(): Promise<void>;
  /** Numbers of the process for the admin pages. */
  readonly processFacts: AdminHost["processFacts"];
  /** Gives memory that starting needed back to the system. Takes some 10 ms: not while serving. */
  trimMemory(): void;
  /** What worker threads need of the process; without it there are none. */
  readonly threads?: Pick<PlaneThreads, "factory" | "ports" | "reclaim"> & {
    /** Threads write to the standard streams in turns. */
    readonly writeTurn: SharedArrayBuffer;
    /** Gives free memory of the C heap back to the system; blocks this thread for a moment. */
    trimNativeHeap(): void;
    /** Processors that this process may use. */
    readonly parallelism: () => number;
  };
  runBench(args: readonly string[]): Promise<number>;
  /** Writes a small file (`--admin-address-path`). */
  writeFile(path: string, text: string): Promise<void>;
}
