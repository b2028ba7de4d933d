/** Every HTTP filter, one line each: the line says what it depends on. */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { HttpFilterType } from "../../http/http-filter-factory.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import type { ClusterManager } from "../../upstream/cluster.ts";
import { router } from "./router/router.ts";

/** What HTTP filters may need. */
export interface HttpFilterServices {
  readonly clusters: ClusterManager;
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
}

export function httpFilters(services: HttpFilterServices): readonly HttpFilterType[] {
  return [router(services.clusters, services.dispatcher, () => services.runtime)];
}
