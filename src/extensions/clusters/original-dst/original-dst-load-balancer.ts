// hot: per request
/**
 * Finds out where one request wants to go, and makes the host when it is new. Envoy:
 * `OriginalDstCluster::LoadBalancer`.
 */
import { parseIpPort } from "../../../base/ip-port.ts";
import type { HeaderName } from "../../../codec/header-names.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import { formatSocketAddress, type SocketAddress } from "../../../platform/sockets.ts";
import type { Counter } from "../../../stats/counter.ts";
import type { ClusterInfo } from "../../../upstream/cluster.ts";
import type { DiscoveryListener } from "../../../upstream/discovery.ts";
import type { Host, HostDescription } from "../../../upstream/host.ts";
import type { ClusterLoadBalancer, LoadBalancerContext } from "../../../upstream/load-balancer.ts";
import { EMPTY_LOCALITY } from "../../../upstream/locality.ts";

/** Filter state that goes before everything else. */
const STATE_KEY = "envoy.network.transport_socket.original_dst_address";

export interface MetadataPath {
  readonly namespace: string;
  readonly path: readonly string[];
}

/** Where the destination may be written, besides filter state and the connection. */
export interface DestinationSettings {
  /** Null unless `use_http_header`. */
  readonly header: HeaderName | null;
  readonly metadata: MetadataPath | null;
  /** `upstream_port_override`; −1 = none. */
  readonly port: number;
}

interface Entry {
  readonly host: Host;
  /** Chosen since the last cleanup. */
  used: boolean;
}

export class OriginalDstLoadBalancer implements ClusterLoadBalancer {
  private readonly settings: DestinationSettings;
  private readonly listener: DiscoveryListener;
  private readonly clusterName: string;
  private readonly invalid: Counter;
  /** By address text. */
  private readonly entries = new Map<string, Entry>();

  constructor(settings: DestinationSettings, listener: DiscoveryListener, cluster: ClusterInfo) {
    this.settings = settings;
    this.listener = listener;
    this.clusterName = cluster.name;
    this.invalid = cluster.stats.originalDstHostInvalid;
  }

  update(): void {
    // Hosts come with the requests only.
  }

  chooseHost(context: LoadBalancerContext): Host | null {
    const address = this.destination(context);
    if (address === null) return null;
    const { port } = this.settings;
    const target = port < 0 || address.port === port ? address : { ip: address.ip, port };
    const text = formatSocketAddress(target);
    const entry = this.entries.get(text) ?? this.add(target, text);
    entry.used = true;
    return entry.host;
  }

  /** Forgets hosts that were not chosen since the last call and have no connection. */
  takeUnused(): readonly Host[] {
    const unused: Host[] = [];
    for (const [text, entry] of this.entries) {
      if (!entry.used && entry.host.stats.activeConnections === 0) {
        this.entries.delete(text);
        unused.push(entry.host);
      }
      entry.used = false;
    }
    return unused;
  }

  private destination(context: LoadBalancerContext): SocketAddress | null {
    const { streamInfo, requestHeaders } = context;
    const { header, metadata } = this.settings;
    if (streamInfo !== null) {
      const state = streamInfo.filterState(STATE_KEY);
      const chosen = state === undefined ? null : parseIpPort(state.serializeAsString());
      if (chosen !== null) return chosen;
      const named = metadata === null ? undefined : metadataText(streamInfo, metadata);
      const found = named === undefined ? null : this.parse(named);
      if (found !== null) return found;
    }
    const text = header === null ? undefined : requestHeaders?.get(header);
    const asked = text === undefined ? null : this.parse(text);
    if (asked !== null) return asked;
    const connection = streamInfo?.connection;
    if (connection?.localAddressRestored !== true) return null;
    const { localAddress } = connection;
    return localAddress.path === undefined ? localAddress : null;
  }

  private parse(text: string): SocketAddress | null {
    const address = parseIpPort(text);
    if (address === null) this.invalid.inc();
    return address;
  }

  private add(address: SocketAddress, text: string): Entry {
    const host = this.listener.addHost(describe(address, text, this.clusterName));
    const entry: Entry = { host, used: true };
    this.entries.set(text, entry);
    return entry;
  }
}

/** Named after the cluster, as in Envoy. */
function describe(
  address: SocketAddress,
  addressText: string,
  clusterName: string,
): HostDescription {
  return Object.freeze({
    address: Object.freeze({ ip: address.ip, port: address.port }),
    additionalAddresses: [],
    addressText,
    identity: addressText,
    hostname: `${clusterName}${addressText}`,
    locality: EMPTY_LOCALITY,
    metadata: null,
    weight: 1,
    priority: 0,
    health: "UNKNOWN",
    healthCheck: null,
    canary: false,
  });
}

/** Of a list the first value counts; what is not text does not count. */
function metadataText(streamInfo: StreamInfo, at: MetadataPath): string | undefined {
  let value: unknown = streamInfo.metadata(at.namespace);
  for (const key of at.path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  if (Array.isArray(value)) value = value[0];
  return typeof value === "string" ? value : undefined;
}
