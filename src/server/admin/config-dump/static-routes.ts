/**
 * `static_route_configs` of /config_dump: the route tables written inside connection managers,
 * found in the encoded listeners. Envoy: `RouteConfigProviderManager::dumpRouteConfigs`.
 */
import type { JsonObject, JsonValue } from "../../../proto/plain.ts";
import { LISTENER_TYPE } from "../../dynamic-config.ts";
import { ROUTE_TYPE } from "../../named-subscriptions.ts";
import type { Server } from "../../server.ts";
import { storedJson, timestamp } from "./stored-json.ts";

const CONNECTION_MANAGER = ".http_connection_manager.v3.HttpConnectionManager";

export async function* inlineRoutes(
  { store, loader }: Server,
  matches: (name: string) => boolean,
): AsyncGenerator<JsonObject> {
  const listeners = store.all(LISTENER_TYPE).filter(({ bytes }) => bytes.length > 0);
  for await (const { stored, resource } of storedJson(loader, listeners)) {
    for (const routes of routesOf(resource)) {
      if (!matches(String(routes["name"] ?? ""))) continue;
      const route_config = { "@type": ROUTE_TYPE, ...routes };
      yield { route_config, last_updated: timestamp(stored.updatedWallMs) };
    }
  }
}

function routesOf(listener: JsonObject): JsonObject[] {
  const chains = objects(listener["filter_chains"]);
  const fallback = listener["default_filter_chain"];
  if (isObject(fallback)) chains.push(fallback);
  return chains
    .flatMap((chain) => objects(chain["filters"]))
    .map((filter) => filter["typed_config"])
    .filter(isObject)
    .filter((config) => String(config["@type"]).endsWith(CONNECTION_MANAGER))
    .map((config) => config["route_config"])
    .filter(isObject);
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
