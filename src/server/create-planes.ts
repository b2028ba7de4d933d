/** Builds the data planes of a process over one shared memory. */
import { createSharedUpstreamState } from "../upstream/upstream-services.ts";
import { DataPlane, type DataPlanePlatform, type DataPlaneServices } from "./data-plane.ts";
import { DataPlanes } from "./data-planes.ts";

/** What all data planes get alike. */
export type SharedPlaneServices = Omit<
  DataPlaneServices,
  "stats" | "configurationStats" | "shared"
>;

/** The stats of each data plane; the first one keeps those that speak for all. */
export type PlaneStats = readonly Pick<DataPlaneServices, "stats" | "configurationStats">[];

export function createPlanes(
  platform: DataPlanePlatform,
  services: SharedPlaneServices,
  stats: PlaneStats,
): DataPlanes {
  const shared = createSharedUpstreamState(stats.length);
  const reusePort = stats.length > 1;
  return new DataPlanes(
    stats.map(
      (own, id) => new DataPlane(platform, { ...services, ...own, shared }, { id, reusePort }),
    ),
  );
}
