/** Facts about one upstream connection, shared by all its streams. */
import type { Metadata, Protocol } from "../../network/stream-info.ts";
import type { SocketAddress } from "../../platform/sockets.ts";
import { formatSocketAddress } from "../../platform/sockets.ts";
import type { PooledUpstreamInfo } from "../connection-pool.ts";
import type { HostDescription } from "../host.ts";

export class PooledUpstream implements PooledUpstreamInfo {
  readonly hostAddress: string;
  readonly hostname: string;
  readonly localAddress: SocketAddress | null;
  readonly connectionId: number;
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  readonly connectStartMs: number;
  readonly connectEndMs: number;

  constructor(
    host: HostDescription,
    connected: ConnectedFacts,
    protocol: Protocol | null,
    connectionId: number,
  ) {
    this.hostAddress =
      connected.address === host.address
        ? host.addressText
        : formatSocketAddress(connected.address);
    this.hostname = host.hostname;
    this.localAddress = connected.localAddress;
    this.connectionId = connectionId;
    this.protocol = protocol;
    this.metadata = host.metadata;
    this.connectStartMs = connected.startMs;
    this.connectEndMs = connected.endMs;
  }
}

/** What is known once a connection is up. */
export interface ConnectedFacts {
  readonly address: SocketAddress;
  readonly localAddress: SocketAddress;
  readonly startMs: number;
  readonly endMs: number;
}

/** For logs: the host that was chosen when no connection to it came about. */
export function unconnectedUpstream(host: HostDescription): PooledUpstreamInfo {
  return {
    hostAddress: host.addressText,
    hostname: host.hostname,
    localAddress: null,
    connectionId: 0,
    protocol: null,
    metadata: host.metadata,
    connectStartMs: -1,
    connectEndMs: -1,
  };
}
