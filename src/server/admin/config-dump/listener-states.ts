/**
 * `dynamic_listeners` of /config_dump: each listener with the versions that serve, warm, drain or
 * were refused. Envoy: `ListenerManagerImpl::dumpListenerConfigs`.
 */
import type { StoredResource } from "../../../config/resource-store.ts";
import type { JsonObject } from "../../../proto/plain.ts";
import { LISTENER_TYPE } from "../../dynamic-config.ts";
import type { Server } from "../../server.ts";
import { errorState, storedOne, timestamp } from "./stored-json.ts";

interface StateNames {
  readonly active: ReadonlySet<string>;
  readonly warming: ReadonlySet<string>;
  readonly draining: ReadonlySet<string>;
}

export async function* dynamicListeners(
  server: Server,
  listeners: readonly StoredResource[],
  matches: (name: string) => boolean,
): AsyncGenerator<JsonObject> {
  const { store, loader } = server;
  const states = await stateNames(server);
  const retired = new Map(
    store
      .retiredOf(LISTENER_TYPE, (name) => isOlderKept(name, states))
      .filter(({ name, origin }) => origin === "dynamic" && matches(name))
      .map((one) => [one.name, one] as const),
  );
  for (const newest of listeners.filter(({ origin }) => origin === "dynamic")) {
    const { name } = newest;
    const old = retired.get(name);
    retired.delete(name);
    const warms = states.warming.has(name);
    const entry: JsonObject = { name };
    if (warms && old !== undefined) entry["active_state"] = await state(server, old);
    if (newest.bytes.length > 0) {
      entry[warms ? "warming_state" : "active_state"] = await state(server, newest);
    }
    if (!warms && old !== undefined) entry["draining_state"] = await state(server, old);
    yield { ...entry, ...(await errorState(loader, newest)) };
  }
  for (const [name, old] of retired) yield { name, draining_state: await state(server, old) };
}

/** The version before the newest is still at work: it drains, or serves while the newest warms. */
function isOlderKept(name: string, { active, warming, draining }: StateNames): boolean {
  return draining.has(name) || (active.has(name) && warming.has(name));
}

async function stateNames(server: Server): Promise<StateNames> {
  const all = (await server.planes?.facts())?.listeners ?? [];
  const named = (wanted: string): Set<string> =>
    new Set(all.filter(({ state }) => state === wanted).map(({ name }) => name));
  return { active: named("active"), warming: named("warming"), draining: named("draining") };
}

async function state({ loader }: Server, stored: StoredResource): Promise<JsonObject> {
  return {
    ...(stored.version === "" ? {} : { version_info: stored.version }),
    listener: await storedOne(loader, stored),
    last_updated: timestamp(stored.updatedWallMs),
  };
}
