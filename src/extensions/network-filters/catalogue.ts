/** Every network filter, one line each: the line says what it depends on. */
import type { NetworkFilterType } from "../../network/network-filter.ts";
import { httpConnectionManager, type HttpServices } from "./http-connection-manager/http-connection-manager.ts";

/** What network filters may need. */
export interface NetworkFilterServices {
  readonly http: HttpServices;
}

export function networkFilters(services: NetworkFilterServices): readonly NetworkFilterType[] {
  return [httpConnectionManager(services.http)];
}
