/**
 * Rules of every configuration that the protos leave to Envoy's code: an extension is chosen by the
 * type in its typed_config, so a name alone (Envoy's v2 style) chooses nothing; and control planes
 * speak v3.
 */
import { type MessageRegistry, TYPE_URL_PREFIX } from "./message-registry.ts";
import type { MessageType, PlainObject } from "./message-type.ts";
import type { AnyMessage } from "./plain.ts";
import { typeUrlOfExtension } from "./remedies.ts";
import type { Problem } from "./scalar-text.ts";

/** Messages with a name and a typed_config, and their fields that stand in for it. */
const SEATS: Readonly<Record<string, readonly string[]>> = {
  "envoy.config.listener.v3.Filter": ["configDiscovery"],
  "envoy.config.listener.v3.ListenerFilter": ["configDiscovery"],
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": [
    "configDiscovery",
    "isOptional",
  ],
  "envoy.config.accesslog.v3.AccessLog": [],
  "envoy.config.core.v3.TransportSocket": [],
};

/** Names of the v2 days that do not spell the package of the type. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  "envoy.router": "envoy.filters.http.router",
  "envoy.cors": "envoy.filters.http.cors",
  "envoy.buffer": "envoy.filters.http.buffer",
  "envoy.fault": "envoy.filters.http.fault",
  "envoy.health_check": "envoy.filters.http.health_check",
  "envoy.http_connection_manager": "envoy.filters.network.http_connection_manager",
  "envoy.tcp_proxy": "envoy.filters.network.tcp_proxy",
  "envoy.listener.tls_inspector": "envoy.filters.listener.tls_inspector",
  "envoy.listener.original_dst": "envoy.filters.listener.original_dst",
  "envoy.listener.proxy_protocol": "envoy.filters.listener.proxy_protocol",
  "envoy.file_access_log": "envoy.access_loggers.file",
};

const API_SOURCE = "envoy.config.core.v3.ApiConfigSource";

export function envoyProblem(
  type: MessageType,
  plain: PlainObject,
  registry: MessageRegistry,
): Problem | null {
  if (type.name === API_SOURCE && plain["transportApiVersion"] === "V2") {
    return {
      message: "Envoy's v2 discovery protocol is not served",
      remedy: "write transport_api_version: V3",
    };
  }
  return extensionProblem(type, plain, registry);
}

function extensionProblem(
  type: MessageType,
  plain: PlainObject,
  registry: MessageRegistry,
): Problem | null {
  const substitutes = SEATS[type.name];
  const typedConfig = plain["typedConfig"] as AnyMessage | undefined;
  if (substitutes === undefined || (typedConfig?.typeUrl ?? "") !== "") return null;
  if (substitutes.some((field) => plain[field] !== undefined)) return null;
  const name = typeof plain["name"] === "string" ? plain["name"] : "";
  const typeUrl = typeUrlOfExtension(OLD_NAMES[name] ?? name, registry);
  const remedy = `add typed_config with "@type": ${typeUrl ?? `${TYPE_URL_PREFIX}...`}`;
  return { message: `Extension "${name}" has no typed_config`, remedy };
}
