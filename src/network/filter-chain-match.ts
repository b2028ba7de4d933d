// hot: per connection
/**
 * Envoy's filter chain match: nine criteria in a fixed order, each picking exactly one branch of
 * nested maps; a branch once taken is never left again. Envoy:
 * `FilterChainManagerImpl::findFilterChain`
 * (source/common/listener_manager/filter_chain_manager_impl.cc).
 */
import type { CidrTrie } from "../base/cidr.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import { type FilterChainSelector, NO_CHAIN } from "./filter-chain-selector.ts";
import type { ConnectionInfo, StreamInfo } from "./stream-info.ts";

/** Level 9: by source port; 0 is any. */
export type SourcePorts = ReadonlyMap<number, number>;

/** Level 7: null where no chain asks for the type. */
export interface SourceTypes {
  readonly any: CidrTrie<SourcePorts> | null;
  readonly local: CidrTrie<SourcePorts> | null;
  readonly external: CidrTrie<SourcePorts> | null;
}

/** Levels 2 to 6, from the outside in; "" is any. */
export type DirectSources = CidrTrie<SourceTypes>;
export type ApplicationProtocols = ReadonlyMap<string, DirectSources>;
export type TransportProtocols = ReadonlyMap<string, ApplicationProtocols>;
export type ServerNames = ReadonlyMap<string, TransportProtocols>;
export type Destinations = CidrTrie<ServerNames>;

const DOT = 46;

/** What a Unix socket counts as where an IP address is asked for: only catch-all ranges hold it. */
const NO_IP = "255.255.255.255";

export class FilterChainMatcher implements FilterChainSelector {
  private readonly ports: ReadonlyMap<number, Destinations>;
  private readonly fallback: number;

  /** `fallback` is the index of the default chain or `NO_CHAIN`. */
  constructor(ports: ReadonlyMap<number, Destinations>, fallback: number) {
    this.ports = ports;
    this.fallback = fallback;
  }

  select(streamInfo: StreamInfo): number {
    const info = streamInfo.connection;
    const { localAddress } = info;
    const exact = localAddress.path === undefined ? this.ports.get(localAddress.port) : undefined;
    // A tree for the exact port is final: the tree without a port is not tried after it.
    const destinations = exact ?? this.ports.get(0);
    if (destinations === undefined) return this.fallback;
    const names = destinations.longest(ipOf(localAddress));
    const found = names === undefined ? NO_CHAIN : selectByServerName(names, info);
    return found === NO_CHAIN ? this.fallback : found;
  }
}

function ipOf(address: SocketAddress): string {
  return address.path === undefined ? address.ip : NO_IP;
}

function selectByServerName(names: ServerNames, info: ConnectionInfo): number {
  const name = info.requestedServerName;
  const exact = names.get(name);
  if (exact !== undefined) return selectByTransport(exact, info);
  for (let at = 1; at < name.length - 1; at++) {
    if (name.charCodeAt(at) !== DOT) continue;
    const wildcard = names.get(name.slice(at));
    if (wildcard !== undefined) return selectByTransport(wildcard, info);
  }
  const any = names.get("");
  return any === undefined ? NO_CHAIN : selectByTransport(any, info);
}

function selectByTransport(transports: TransportProtocols, info: ConnectionInfo): number {
  const protocols = transports.get(info.transportProtocol) ?? transports.get("");
  if (protocols === undefined) return NO_CHAIN;
  const offered = info.applicationProtocols;
  for (let index = 0; index < offered.length; index++) {
    const sources = protocols.get(offered[index] as string);
    if (sources !== undefined) return selectByDirectSource(sources, info);
  }
  const any = protocols.get("");
  return any === undefined ? NO_CHAIN : selectByDirectSource(any, info);
}

function selectByDirectSource(sources: DirectSources, info: ConnectionInfo): number {
  const types = sources.longest(ipOf(info.directRemoteAddress));
  return types === undefined ? NO_CHAIN : selectBySourceType(types, info);
}

function selectBySourceType(types: SourceTypes, info: ConnectionInfo): number {
  const { any, local, external } = types;
  if (local !== null || external !== null) {
    const own = isSameIpOrLoopback(info) ? local : external;
    if (own !== null) return selectBySource(own, info.remoteAddress);
  }
  return any === null ? NO_CHAIN : selectBySource(any, info.remoteAddress);
}

function selectBySource(sources: CidrTrie<SourcePorts>, remote: SocketAddress): number {
  const ports = sources.longest(ipOf(remote));
  if (ports === undefined) return NO_CHAIN;
  const port = remote.path === undefined ? remote.port : 0;
  return ports.get(port) ?? ports.get(0) ?? NO_CHAIN;
}

/** Envoy: `Network::Utility::isSameIpOrLoopback`. Of 127.0.0.0/8 only 127.0.0.1 counts. */
export function isSameIpOrLoopback(info: ConnectionInfo): boolean {
  const { remoteAddress, localAddress } = info;
  if (remoteAddress.path !== undefined) return true;
  const { ip } = remoteAddress;
  return ip === localAddress.ip || ip === "127.0.0.1" || ip === "::1";
}
