// What a target of the load harness is: a program under load, started with a generated
// configuration of the same meaning as all the others.
import type { ChildProcess } from "node:child_process";
import type { BootstrapValues } from "./envoy-config.ts";

/** What the program is to do: proxy HTTP/1.1 with routes and logs, or relay bytes. */
export type Mode = "http" | "tcp";

export interface TargetSetup {
  /** A folder of its own for configuration and logs. */
  readonly folder: string;
  readonly mode: Mode;
  /** Where requests (or bytes) are to go. */
  readonly upstreamPort: number;
  /** True when bodies of many megabytes will pass: programs with a buffer size get 64 KB. */
  readonly bulk: boolean;
  /** Starts without the shell that raises limits, so that exec-to-ready is the program's own. */
  readonly direct: boolean;
  /** A bootstrap instead of the common one; only Envoy and Outrigger read one. */
  readonly bootstrap?: (values: BootstrapValues, folder: string) => string;
  /** Data threads; default 1. Only Envoy and Outrigger. */
  readonly concurrency?: number;
  /** Cores to run on, as taskset takes them; default the proxy's core. */
  readonly cores?: string;
}

export interface RunningTarget {
  /** Null for "no proxy": there is no process to measure. */
  readonly child: ChildProcess | null;
  readonly port: number;
  readonly adminPort?: number;
  /** `exec` to first accepted connection and, where there is an admin page, first /ready. */
  readonly readyMs: number;
}

export interface Target {
  readonly name: string;
  /** One line: version. */
  readonly version: string;
  /** Everything that a reader must know to judge the comparison: command line and configuration. */
  readonly flags: string;
  readonly modes: readonly Mode[];
  /** Null when the program is not here or cannot do this; the reason is in `missing`. */
  readonly missing: string | null;
  start(setup: TargetSetup): Promise<RunningTarget>;
}
