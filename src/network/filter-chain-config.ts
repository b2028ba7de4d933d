/**
 * Compiles `FilterChain` messages: transport socket, network filters, their order.
 * Envoy: `FilterChainFactoryBuilder`, `Utility::validateTerminalFilters`.
 */
import { nearestName } from "../base/nearest-name.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { messageNameOf } from "../config/matcher/compile-match-tree.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { Filter, FilterChain } from "../proto/generated/envoy/config/listener/v3.ts";
import type { AnyMessage } from "../proto/plain.ts";
import type { NetworkFilterType } from "./network-filter.ts";
import type { Metadata } from "./stream-info.ts";

/** A network filter as one chain configures it. */
export interface NetworkFilterConfig {
  readonly name: string;
  readonly type: NetworkFilterType;
  readonly config: object;
}

export interface FilterChainConfig {
  readonly name: string;
  readonly metadata: Metadata | null;
  readonly filters: readonly NetworkFilterConfig[];
  /** Equal for chains whose messages are equal: their connections survive an update. */
  readonly identity: string;
}

const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";

/** Extensions by the full names of the messages they accept. */
export type ByMessage<Type> = ReadonlyMap<string, Type>;

/** Indexes a catalogue. */
export function byMessage<Type extends { readonly messages: readonly string[] }>(
  types: readonly Type[],
): ByMessage<Type> {
  return new Map(types.flatMap((type) => type.messages.map((message) => [message, type] as const)));
}

/** Null after reporting what is wrong. */
export function compileFilterChain(
  message: FilterChain,
  filterTypes: ByMessage<NetworkFilterType>,
  context: CompileContext,
): FilterChainConfig | null {
  const transport = checkTransportSocket(message, context);
  if (message.metadata?.typedFilterMetadata !== undefined) {
    context
      .at("metadata")
      .at("typed_filter_metadata")
      .warn("Nothing reads typed metadata", "use filter_metadata");
  }
  const filters: NetworkFilterConfig[] = [];
  const messages = message.filters ?? [];
  let ok = transport;
  for (const [index, filter] of messages.entries()) {
    const at = context.at("filters", index);
    const compiled = compileNetworkFilter(filter, filterTypes, at);
    if (compiled === null) ok = false;
    else filters.push(compiled);
    // A terminal filter in the wrong place is one mistake, not two.
    if (ok && compiled !== null) ok = checkTerminal(compiled, index === messages.length - 1, at);
  }
  if (!ok) return null;
  const metadata = (message.metadata?.filterMetadata ?? null) as Metadata | null;
  return { name: message.name ?? "", metadata, filters, identity: messageIdentity(message) };
}

function checkTransportSocket(message: FilterChain, context: CompileContext): boolean {
  const before = context.diagnostics.length;
  if (message.useProxyProto === true) {
    context
      .at("use_proxy_proto")
      .error(
        "use_proxy_proto is not supported",
        "add the listener filter envoy.filters.listener.proxy_protocol",
      );
  }
  const timeout = message.transportSocketConnectTimeout;
  if (timeout !== undefined && (timeout.seconds > 0 || timeout.nanos > 0)) {
    context
      .at("transport_socket_connect_timeout")
      .warn("Plain connections have no handshake to wait for");
  }
  const any = message.transportSocket?.typedConfig;
  const name =
    any === undefined ? (message.transportSocket?.name ?? "") : messageNameOf(any.typeUrl);
  if (name !== "" && name !== RAW_BUFFER && name !== "envoy.transport_sockets.raw_buffer") {
    context
      .at("transport_socket")
      .error(
        `Transport socket ${name} is not supported yet`,
        "leave transport_socket out (plain bytes), or end TLS in front of this proxy",
      );
  }
  return context.diagnostics.slice(before).every(({ severity }) => severity !== "error");
}

function compileNetworkFilter(
  message: Filter,
  types: ByMessage<NetworkFilterType>,
  context: CompileContext,
): NetworkFilterConfig | null {
  if (message.configDiscovery !== undefined) {
    return context
      .at("config_discovery")
      .error("Filter configuration by discovery is not supported", "write it as typed_config");
  }
  const any = message.typedConfig;
  const type = findByMessage(any, message.name ?? "", "Network filter", types, context);
  if (type === null || any === undefined) return null;
  const config = type.compile(any.value as object, context.at("typed_config"));
  return config === null ? null : { name: message.name || type.name, type, config };
}

/**
 * The extension that accepts a typed_config; reports missing and unknown ones with the nearest
 * name.
 */
export function findByMessage<Type>(
  any: AnyMessage | undefined,
  name: string,
  kind: string,
  types: ByMessage<Type>,
  context: CompileContext,
): Type | null {
  if (any === undefined) {
    return context.error(
      `${kind} "${name}" has no typed_config`,
      "add typed_config with its @type",
    );
  }
  const messageName = messageNameOf(any.typeUrl);
  const type = types.get(messageName);
  if (type !== undefined && any.value !== undefined) return type;
  const near = nearestName(messageName, types.keys());
  const remedy =
    near === null ? `supported: ${[...types.keys()].join(", ")}` : `did you mean ${near}?`;
  return context.at("typed_config").error(`${kind} ${messageName} is not supported`, remedy);
}

function checkTerminal(
  filter: NetworkFilterConfig,
  last: boolean,
  context: CompileContext,
): boolean {
  if (filter.type.terminal === last) return true;
  const message = last
    ? `${filter.name} is the last network filter, and it is not terminal`
    : `${filter.name} is terminal and must be the last network filter`;
  const remedy = last
    ? "end the chain with http_connection_manager, tcp_proxy or another terminal filter"
    : "move it to the end of filters";
  context.error(message, remedy);
  return false;
}
