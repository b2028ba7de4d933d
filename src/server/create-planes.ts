/** Builds the data planes of a process over one shared memory. */
import { StatSlab } from "../stats/slab.ts";
import type { StatsReader } from "../stats/stats-reader.ts";
import { createSilentScope, type StatsMatcher, StatsStore } from "../stats/stats-store.ts";
import { createSharedUpstreamState } from "../upstream/upstream-services.ts";
import { DataPlane, type DataPlanePlatform, type DataPlaneServices } from "./data-plane.ts";
import { DataPlanes } from "./data-planes.ts";
import { directPlanes } from "./direct-planes.ts";

/** What all data planes get alike. */
export type SharedPlaneServices = Omit<
  DataPlaneServices,
  "stats" | "configurationStats" | "shared"
>;

/** The stats of each data plane; the first one keeps those that speak for all. */
export type PlaneStats = readonly Pick<DataPlaneServices, "stats" | "configurationStats">[];

/** The stats of `count` data planes, shown together by `reader`. */
export function createPlaneStats(
  count: number,
  matcher: StatsMatcher,
  reader: StatsReader,
): PlaneStats {
  return Array.from({ length: count }, (_, id) => {
    const stats = new StatsStore(new StatSlab(), matcher);
    reader.addSlab(stats.slab);
    return { stats, configurationStats: id === 0 ? stats.root : createSilentScope() };
  });
}

export function createPlanes(
  platform: DataPlanePlatform,
  services: SharedPlaneServices,
  stats: PlaneStats,
): DataPlanes {
  const shared = createSharedUpstreamState(stats.length);
  const dataPlanes = stats.length;
  const planes = stats.map((own, id) => {
    const options = { id, dataPlanes, bindsUnshared: id === 0 };
    return new DataPlane(platform, { ...services, ...own, shared }, options);
  });
  return new DataPlanes(planes[0] as DataPlane, directPlanes(planes));
}
