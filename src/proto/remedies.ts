/** What to write instead: for unknown fields, unknown types and what is left of Envoy's v2 API. */
import { nearestName } from "../base/nearest-name.ts";
import { type MessageRegistry, TYPE_URL_PREFIX } from "./message-registry.ts";
import type { EnumType, MessageType } from "./message-type.ts";

const FEW = 12;

/** Fields of the v2 API that v3 messages no longer have; `*` stands for any message. */
const V2_FIELDS: Readonly<Record<string, string>> = {
  "*.config": 'v2 API: write typed_config with its "@type"',
  "*.per_filter_config": 'v2 API: write typed_per_filter_config with an "@type" for each entry',
  "*.extension_protocol_options":
    'v2 API: write typed_extension_protocol_options with an "@type" for each entry',
  "*.tls_context": "v2 API: write transport_socket with envoy.transport_sockets.tls",
  "*.regex": "v2 API: write safe_regex with regex in it",
  "*.regex_match": "v2 API: write safe_regex_match, or string_match with safe_regex",
  "envoy.config.cluster.v3.Cluster.hosts": "v2 API: write load_assignment with endpoints",
  "envoy.config.route.v3.CorsPolicy.allow_origin": "v2 API: write allow_origin_string_match",
  "envoy.config.route.v3.CorsPolicy.enabled": "v2 API: write filter_enabled",
  "envoy.config.core.v3.ApiConfigSource.cluster_name":
    "v2 API: write cluster_names or grpc_services",
};

export function unknownFieldRemedy(type: MessageType, name: string): string {
  const old = V2_FIELDS[`${type.name}.${name}`] ?? V2_FIELDS[`*.${name}`];
  if (old !== undefined) return old;
  const names = type.fields.map((field) => field.name);
  const snakeName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const nearest = nearestName(snakeName, names);
  if (nearest !== null) return `did you mean "${nearest}"?`;
  if (names.length === 0) return "this message has no fields";
  return names.length <= FEW ? `fields here: ${names.join(", ")}` : `see ${type.name}`;
}

export function unknownEnumRemedy(type: EnumType, name: string): string {
  const nearest = nearestName(name, type.valueNames);
  if (nearest !== null) return `did you mean ${nearest}?`;
  return type.valueNames.length <= FEW
    ? `one of ${type.valueNames.join(", ")}`
    : `see ${type.name}`;
}

const V2_TYPE = /^envoy\.(api\.v2|type\.[A-Z]|.*\.v[12](alpha\d*)?\.[A-Z]|config\.filter\.)/;

/** Message and remedy for an "@type" that the descriptor does not know. */
export function unknownType(
  typeUrl: string,
  registry: MessageRegistry,
): { readonly message: string; readonly remedy: string } {
  const name = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  if (V2_TYPE.test(name)) {
    const successor = registry.successorOf(name) ?? sameSimpleName(name, registry);
    const remedy = successor === null ? "use its v3 type" : `use ${TYPE_URL_PREFIX}${successor}`;
    return { message: `Type ${name} belongs to Envoy's v2 API`, remedy };
  }
  const nearest = nearestName(name, registry.messageNames()) ?? sameSimpleName(name, registry);
  const remedy =
    nearest === null ? "check the type URL" : `did you mean ${TYPE_URL_PREFIX}${nearest}?`;
  return { message: `Unknown type ${name}`, remedy };
}

/** A message of the same last name in another package. */
function sameSimpleName(name: string, registry: MessageRegistry): string | null {
  const ending = name.slice(name.lastIndexOf("."));
  return registry.messageNames().find((candidate) => candidate.endsWith(ending)) ?? null;
}

/**
 * Type URL that an extension name such as `envoy.filters.http.router` usually goes with, or null.
 */
export function typeUrlOfExtension(name: string, registry: MessageRegistry): string | null {
  const path = name.replace(/^envoy\./, "");
  const last = path.slice(path.lastIndexOf(".") + 1);
  const packageName = `envoy.extensions.${path}.v3.`;
  const candidates = registry
    .messageNames()
    .filter((candidate) => candidate.startsWith(packageName))
    .map((candidate) => candidate.slice(packageName.length))
    .filter((candidate) => !candidate.includes("."));
  const wanted = last.replaceAll("_", "");
  const match =
    candidates.find((candidate) => candidate.toLowerCase() === wanted) ??
    candidates.find((candidate) => candidate.toLowerCase().startsWith(wanted)) ??
    nearestName(wanted, candidates);
  return match === null ? null : `${TYPE_URL_PREFIX}${packageName}${match}`;
}
