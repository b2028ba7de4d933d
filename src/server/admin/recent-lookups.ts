/**
 * /stats/recentlookups: which stat names were looked up while serving. Here every name is looked up
 * once, when its object is made, so the list stays empty. Envoy: `Server::StatsHandler`.
 */
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, command, page, text } from "./endpoint.ts";

const recording = new WeakSet<AdminHost>();

const show = page("/stats/recentlookups", "Show recent stat-name lookups", (host) =>
  text(
    recording.has(host)
      ? "   Count Lookup\n\ntotal: 0\n"
      : "Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n",
  ),
);

const clear = command(
  "/stats/recentlookups/clear",
  "clear list of stat-name lookups and counter",
  () => undefined,
);

const enable = command(
  "/stats/recentlookups/enable",
  "enable recording of reset stat-name lookup names",
  (host) => recording.add(host),
);

const disable = command(
  "/stats/recentlookups/disable",
  "disable recording of reset stat-name lookup names",
  (host) => recording.delete(host),
);

export const recentLookups: readonly AdminEndpoint[] = [show, clear, enable, disable];
