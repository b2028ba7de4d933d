/** An attempt that begins on a TCP connection instead of an HTTP stream: CONNECT that ends here. */
import type { Connection } from "../../../network/connection.ts";
import type {
  PooledUpstreamInfo,
  PoolFailureReason,
  TcpPoolCallbacks,
} from "../../../upstream/connection-pool.ts";
import type { Host } from "../../../upstream/host.ts";
import { TcpUpstream } from "./tcp-upstream.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

export class TcpStart implements TcpPoolCallbacks {
  private readonly request: UpstreamRequest;

  constructor(request: UpstreamRequest) {
    this.request = request;
  }

  onPoolReady(connection: Connection, host: Host, upstream: PooledUpstreamInfo): void {
    const encoder = new TcpUpstream(connection, this.request);
    connection.callbacks = encoder;
    this.request.onPoolReady(encoder, host, upstream);
  }

  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void {
    this.request.onPoolFailure(reason, transportFailure, host);
  }
}
