/** `server.*`: what the process says about itself. Envoy: `InstanceBase::updateServerStats`. */
import { createServerStats, type ServerStats } from "../stats/groups/server-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import { versionNumber } from "./version.ts";

/** Memory of the process in bytes. */
export interface ProcessMemory {
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly residentSet: number;
  readonly external: number;
}

/** The process with its worker threads, whose heaps are their own. */
export function withThreads(
  memory: ProcessMemory,
  threads: { readonly heapUsed: number; readonly heapTotal: number },
): ProcessMemory {
  const heapUsed = memory.heapUsed + threads.heapUsed;
  return { ...memory, heapUsed, heapTotal: memory.heapTotal + threads.heapTotal };
}

/** Envoy's `ServerInfo.State`. */
export type ServerState = "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";

/** In the order of their numbers. */
const STATES: readonly ServerState[] = ["LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"];

/** What Envoy shows while there is no certificate: the largest 32-bit number. */
const NO_CERTIFICATE_DAYS = 0xffff_ffff;

export class ServerGauges {
  readonly stats: ServerStats;

  /** `versionOverride`: `stats_server_version_override`, or null. */
  constructor(root: StatsScope, dataPlanes: number, versionOverride: number | null) {
    this.stats = createServerStats(root.scope("server"));
    this.stats.concurrency.set(dataPlanes);
    this.stats.version.set(versionOverride ?? versionNumber());
    root.scope("server.compilation_settings").gauge("fips_mode", "max").set(0);
    this.stats.daysUntilFirstCertExpiring.set(NO_CERTIFICATE_DAYS);
    this.showState("INITIALIZING");
  }

  showState(state: ServerState): void {
    this.stats.state.set(STATES.indexOf(state));
    this.stats.live.set(state === "LIVE" ? 1 : 0);
  }

  update(uptimeMs: number, connections: number, memory: ProcessMemory): void {
    this.stats.uptime.set(Math.floor(uptimeMs / 1000));
    this.stats.memoryAllocated.set(memory.heapUsed);
    this.stats.memoryHeapSize.set(memory.heapTotal);
    this.stats.memoryPhysicalSize.set(memory.residentSet);
    this.stats.totalConnections.set(connections);
  }
}
