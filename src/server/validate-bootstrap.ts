/** Compiles a bootstrap completely without opening a socket, a timer or a log. */

import type { Diagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import { type BootstrapSource, type ConfigLoader, withPlaces } from "../config/config-loader.ts";
import { DEFAULT_RUNTIME } from "../config/runtime.ts";
import { UNLIMITED } from "../network/connection-limit.ts";
import { StatSlab } from "../stats/slab.ts";
import { createSilentScope, REJECT_ALL_STATS, StatsStore } from "../stats/stats-store.ts";
import { EMPTY_LOCALITY } from "../upstream/locality.ts";
import { createSharedUpstreamState } from "../upstream/upstream-services.ts";
import { compileAdminLogs } from "./admin/admin-logs.ts";
import { type BootstrapOverrides, compileBootstrap } from "./bootstrap-config.ts";
import { DataPlane, type DataPlanePlatform } from "./data-plane.ts";
import { NO_STATIC_NAMES, staticUpdate } from "./static-config.ts";

/** Everything that `run` would report before it binds, in file order as far as places are known. */
export async function validateBootstrap(
  source: BootstrapSource,
  loader: ConfigLoader,
  platform: DataPlanePlatform,
  overrides: BootstrapOverrides,
): Promise<readonly Diagnostic[]> {
  const loaded = await loader.loadBootstrap(source);
  const { bootstrap } = loaded;
  if (bootstrap === null) return loaded.diagnostics;
  const context = new CompileContext();
  const config = compileBootstrap(bootstrap, overrides, context);
  const plane = createCompilingPlane(platform);
  compileAdminLogs(plane, config.admin.accessLogs, context);
  const { diagnostics } = plane.prepare(staticUpdate(bootstrap, NO_STATIC_NAMES));
  return withPlaces(loader, source, [
    ...loaded.diagnostics,
    ...context.diagnostics,
    ...diagnostics,
  ]);
}

/** A data plane that is never committed to. */
function createCompilingPlane(platform: DataPlanePlatform): DataPlane {
  const none = (): (() => void) => () => undefined;
  return new DataPlane(
    platform,
    {
      stats: new StatsStore(new StatSlab(), REJECT_ALL_STATS),
      configurationStats: createSilentScope(),
      shared: createSharedUpstreamState(1),
      runtime: DEFAULT_RUNTIME,
      node: { serviceCluster: "", serviceNode: "", localAddress: "" },
      drain: { drainTimeMs: 0, strategy: "gradual" },
      serverDrain: () => false,
      healthCheckFailed: () => false,
      globalLimit: UNLIMITED,
      endpoints: { subscribe: none },
      routes: { subscribe: none },
      sourceAddresses: [],
      localNode: { locality: EMPTY_LOCALITY, clusterName: "" },
      outlierEventLogPath: "",
      logFlushIntervalMs: 0,
      requestLogs: [],
    },
    { id: 0, reusePort: false },
  );
}
