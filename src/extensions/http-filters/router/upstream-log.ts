// hot: per request
/**
 * The log of one upstream attempt: its own stream info, written once when the attempt ends. Envoy:
 * `UpstreamRequest::upstreamLog` (source/common/router/upstream_request.cc). Facts of the client's
 * connection are not in it, as in Envoy.
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { AccessLogger } from "../../../http/access-log.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { ConnectionInfo, StreamInfo, type UpstreamInfo } from "../../../network/stream-info.ts";
import type { SocketAddress } from "../../../platform/sockets.ts";
import type { AccessLogType, FormatterContext } from "../../../route/formatter.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import { copyUpstreamFacts } from "./upstream-facts.ts";
import type { RequestHead } from "./upstream-request.ts";

const NO_ADDRESS: SocketAddress = { ip: "", port: 0 };
const NO_CONNECTION = new ConnectionInfo(0, NO_ADDRESS, NO_ADDRESS);

/** How the attempts of one router are logged. */
export interface UpstreamLogging {
  readonly loggers: readonly AccessLogger[];
  /** Write a line when an attempt has its connection, too. */
  readonly atStart: boolean;
}

export class UpstreamLog implements FormatterContext {
  logType: AccessLogType = "UpstreamPoolReady";
  readonly streamInfo: StreamInfo;
  readonly requestHeaders: RequestHeaderMap;
  responseHeaders: ResponseHeaderMap | null = null;
  responseTrailers: HeaderMap | null = null;
  private readonly logging: UpstreamLogging;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly facts: StreamInfo;
  private written = false;

  constructor(
    logging: UpstreamLogging,
    callbacks: HttpFilterCallbacks,
    cluster: Cluster,
    head: RequestHead,
  ) {
    this.logging = logging;
    this.callbacks = callbacks;
    this.requestHeaders = head.headers;
    this.facts = head.facts;
    const { dispatcher, streamInfo } = callbacks;
    const info = new StreamInfo(NO_CONNECTION, dispatcher.nowMs, dispatcher.wallMs());
    info.cluster = cluster.info;
    info.route = streamInfo.route;
    info.healthCheck = streamInfo.healthCheck;
    this.streamInfo = info;
  }

  get nowMs(): number {
    return this.callbacks.dispatcher.nowMs;
  }

  onReady(upstream: UpstreamInfo): void {
    this.streamInfo.protocol = upstream.protocol;
    if (!this.logging.atStart) return;
    copyUpstreamFacts(this.facts, this.streamInfo);
    this.write();
  }

  onHeaders(headers: ResponseHeaderMap): void {
    this.responseHeaders = headers;
    this.streamInfo.responseCode = headers.status;
  }

  /** Body bytes to the upstream. */
  onSent(bytes: number): void {
    this.streamInfo.bytesSent += bytes;
  }

  /** Body bytes from the upstream. */
  onReceived(bytes: number): void {
    this.streamInfo.bytesReceived += bytes;
  }

  /** The attempt is over; `flags` says why when it failed. Later calls do nothing. */
  end(flags: number, transportFailure: string): void {
    if (this.written) return;
    this.written = true;
    const info = this.streamInfo;
    copyUpstreamFacts(this.facts, info);
    info.responseFlags = flags;
    info.upstreamTransportFailureReason = transportFailure;
    info.endMs = this.nowMs;
    this.logType = "UpstreamEnd";
    this.write();
  }

  private write(): void {
    const { loggers } = this.logging;
    for (let index = 0; index < loggers.length; index++) loggers[index]!.log(this);
  }
}
