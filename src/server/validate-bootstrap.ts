/** Compiles a bootstrap completely without opening a socket, a timer or a log. */

import type { Diagnostic } from "../base/diagnostic.ts";
import { CompileContext } from "../config/compile-context.ts";
import { type BootstrapSource, type ConfigLoader, withPlaces } from "../config/config-loader.ts";
import { compileAdminLogs } from "./admin/admin-logs.ts";
import { type BootstrapOverrides, compileBootstrap } from "./bootstrap-config.ts";
import { createCompilingPlane } from "./compiling-plane.ts";
import type { DataPlanePlatform } from "./data-plane.ts";
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
  const plane = createCompilingPlane(platform, config.localNode);
  compileAdminLogs(plane, config.admin.accessLogs, context);
  const { diagnostics } = plane.prepare(staticUpdate(bootstrap, NO_STATIC_NAMES));
  return withPlaces(loader, source, [
    ...loaded.diagnostics,
    ...context.diagnostics,
    ...diagnostics,
  ]);
}
