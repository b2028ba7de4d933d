/**
 * Facts about one connection or one HTTP stream, collected on the way and read by access logs,
 * filters and stats. Envoy: `StreamInfo` (envoy/stream_info/stream_info.h). Times are monotonic
 * milliseconds, −1 while unknown.
 */
import type { SocketAddress } from "../platform/sockets.ts";

/** Bits in the order of Envoy's enumeration. Short and long names: `response-flags.ts`. */
export const ResponseFlag = {
  FailedLocalHealthCheck: 0x1,
  NoHealthyUpstream: 0x2,
  UpstreamRequestTimeout: 0x4,
  LocalReset: 0x8,
  UpstreamRemoteReset: 0x10,
  UpstreamConnectionFailure: 0x20,
  UpstreamConnectionTermination: 0x40,
  UpstreamOverflow: 0x80,
  NoRouteFound: 0x100,
  DelayInjected: 0x200,
  FaultInjected: 0x400,
  RateLimited: 0x800,
  UnauthorizedExternalService: 0x1000,
  RateLimitServiceError: 0x2000,
  DownstreamConnectionTermination: 0x4000,
  UpstreamRetryLimitExceeded: 0x8000,
  StreamIdleTimeout: 0x10000,
  InvalidEnvoyRequestHeaders: 0x20000,
  DownstreamProtocolError: 0x40000,
  UpstreamMaxStreamDurationReached: 0x80000,
  ResponseFromCacheFilter: 0x100000,
  NoFilterConfigFound: 0x200000,
  DurationTimeout: 0x400000,
  UpstreamProtocolError: 0x800000,
  NoClusterFound: 0x1000000,
  OverloadManager: 0x2000000,
  DnsResolutionFailed: 0x4000000,
  DropOverload: 0x8000000,
  DownstreamRemoteReset: 0x10000000,
  UnconditionalDropOverload: 0x20000000,
} as const;

export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** Facts that all streams of one downstream connection share. Envoy: `ConnectionInfoProvider`. */
export class ConnectionInfo {
  readonly connectionId: number;
  /** The socket's own peer and local address. */
  readonly directRemoteAddress: SocketAddress;
  readonly directLocalAddress: SocketAddress;
  /**
   * After PROXY protocol. HTTP streams keep their own trusted address in
   * `StreamInfo.remoteAddress`.
   */
  remoteAddress: SocketAddress;
  /** After original_dst or PROXY protocol. */
  localAddress: SocketAddress;
  localAddressRestored = false;
  /** SNI, lower case; "" when none. */
  requestedServerName = "";
  /** "tls" or "raw_buffer"; "" until a listener filter or the listener decides. */
  transportProtocol = "";
  applicationProtocols: readonly string[] = [];
  filterChainName = "";
  listenerName = "";
  listenerMetadata: Metadata | null = null;
  filterChainMetadata: Metadata | null = null;
  /** True when the client spoke TLS to us. */
  readonly secure: boolean = false;
  /** The client showed a certificate, and we verified it. */
  readonly peerCertificatePresented: boolean = false;
  readonly peerCertificateValidated: boolean = false;

  constructor(connectionId: number, remote: SocketAddress, local: SocketAddress) {
    this.connectionId = connectionId;
    this.directRemoteAddress = remote;
    this.directLocalAddress = local;
    this.remoteAddress = remote;
    this.localAddress = local;
  }
}

/** What is known of the upstream side of the current attempt. Envoy: `UpstreamInfo`. */
export interface UpstreamInfo {
  /** `ip:port` of the chosen host. */
  readonly hostAddress: string;
  readonly hostname: string;
  readonly localAddress: SocketAddress | null;
  readonly connectionId: number;
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
}

/** An object in filter state. Envoy: `FilterState::Object`. */
export interface FilterStateObject {
  /** Hash policies may hash its text. Envoy: `Hashable`. */
  readonly hashable?: boolean;
  /** Text form for logs and `%FILTER_STATE(key:PLAIN)%`. */
  serializeAsString(): string;
  /** A named part, for `%FILTER_STATE(key:FIELD:name)%`. */
  field?(name: string): string | number | undefined;
}

export type Metadata = Record<string, Record<string, unknown>>;

/** Route facts that logs print; the route module implements it. */
export interface RouteFacts {
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly metadata: Metadata | null;
  readonly virtualHostMetadata: Metadata | null;
}

/** Cluster facts that logs print. */
export interface ClusterFacts {
  readonly name: string;
  /** `alt_stat_name` or the name. */
  readonly observabilityName: string;
  readonly metadata: Metadata | null;
}

export class StreamInfo {
  readonly connection: ConnectionInfo;
  /** Wall clock at start, ms. */
  readonly startWallMs: number;
  readonly startMs: number;
  /** Last byte received from downstream. */
  downstreamRxEndMs = -1;
  /** First and last byte sent to upstream. */
  upstreamTxStartMs = -1;
  upstreamTxEndMs = -1;
  /** First and last byte received from upstream. */
  upstreamRxStartMs = -1;
  /** First body byte received from upstream. */
  upstreamRxBodyStartMs = -1;
  upstreamRxEndMs = -1;
  downstreamTxStartMs = -1;
  downstreamTxEndMs = -1;
  upstreamConnectStartMs = -1;
  upstreamConnectEndMs = -1;
  /** The pool gave a connection. */
  upstreamPoolReadyMs = -1;
  /** End of the stream. */
  endMs = -1;

  protocol: Protocol | null = null;
  /** 0 when no response was sent. */
  responseCode = 0;
  responseCodeDetails = "";
  connectionTerminationDetails = "";
  upstreamTransportFailureReason = "";
  downstreamTransportFailureReason = "";
  /** Bits of `ResponseFlag`. */
  responseFlags = 0;
  /** The flags as they were set; null while there is one at most. */
  flagOrder: number[] | null = null;
  /** Body bytes (HTTP) or connection bytes (TCP). */
  bytesReceived = 0;
  bytesSent = 0;
  /** Heads and trailers on the wire. */
  downstreamHeaderBytesReceived = 0;
  downstreamHeaderBytesSent = 0;
  upstreamHeaderBytesReceived = 0;
  upstreamHeaderBytesSent = 0;
  /** Everything of the stream on the wire. */
  downstreamWireBytesReceived = 0;
  downstreamWireBytesSent = 0;
  upstreamWireBytesReceived = 0;
  upstreamWireBytesSent = 0;

  /** The trusted client address (XFF aware for HTTP). */
  remoteAddress: SocketAddress;
  upstream: UpstreamInfo | null = null;
  cluster: ClusterFacts | null = null;
  route: RouteFacts | null = null;
  virtualClusterName = "";
  attemptCount = 0;
  requestId = "";
  healthCheck = false;
  /** Body of a local reply, only while it is being formatted: for `%LOCAL_REPLY_BODY%`. */
  localReplyBody = "";

  private dynamicMetadata: Metadata | null = null;
  private filterStateObjects: Map<string, FilterStateObject> | null = null;

  constructor(connection: ConnectionInfo, startMs: number, startWallMs: number) {
    this.connection = connection;
    this.remoteAddress = connection.remoteAddress;
    this.startMs = startMs;
    this.startWallMs = startWallMs;
  }

  /** Logs print flags in the order in which they were set. One flag at a time. */
  setFlag(flag: number): void {
    const before = this.responseFlags;
    if ((before & flag) !== 0) return;
    this.responseFlags = before | flag;
    if (before === 0) return;
    this.flagOrder ??= [before];
    this.flagOrder.push(flag);
  }

  hasFlag(flag: number): boolean {
    return (this.responseFlags & flag) !== 0;
  }

  metadata(namespace: string): Record<string, unknown> | undefined {
    return this.dynamicMetadata?.[namespace];
  }

  /** Merges keys into a metadata namespace (Envoy: `setDynamicMetadata`). */
  setMetadata(namespace: string, values: Record<string, unknown>): void {
    this.dynamicMetadata ??= {};
    this.dynamicMetadata[namespace] = { ...this.dynamicMetadata[namespace], ...values };
  }

  get allMetadata(): Metadata | null {
    return this.dynamicMetadata;
  }

  filterState(key: string): FilterStateObject | undefined {
    return this.filterStateObjects?.get(key);
  }

  /** Takes over the objects whose keys begin with `prefix`. */
  adoptFilterState(from: StreamInfo, prefix: string): void {
    if (from.filterStateObjects === null) return;
    for (const [key, value] of from.filterStateObjects) {
      if (key.startsWith(prefix)) this.setFilterState(key, value);
    }
  }

  setFilterState(key: string, value: FilterStateObject): void {
    this.filterStateObjects ??= new Map();
    this.filterStateObjects.set(key, value);
  }
}
