// hot: per request
/**
 * One attempt of a request on one upstream stream: waits for the pool, holds body meanwhile, passes
 * the response on. Envoy: `Router::UpstreamRequest` (source/common/router/upstream_request.cc).
 */
import type { RequestEncoder, ResponseDecoder, StreamResetReason } from "../../../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type {
  HttpPoolCallbacks,
  PoolCancellable,
  PooledUpstreamInfo,
  PoolFailureReason,
} from "../../../upstream/connection-pool.ts";
import type { Host } from "../../../upstream/host.ts";
import { unconnectedUpstream } from "../../../upstream/pool/pooled-upstream.ts";

/** What an attempt tells the router. */
export interface UpstreamRequestOwner {
  onUpstreamReady(request: UpstreamRequest): void;
  onUpstreamInformational(headers: ResponseHeaderMap): void;
  onUpstreamHeaders(headers: ResponseHeaderMap, endStream: boolean): void;
  onUpstreamData(bytes: Buffer, endStream: boolean): void;
  onUpstreamTrailers(trailers: HeaderMap): void;
  onUpstreamReset(reason: StreamResetReason, transportFailure: string): void;
}

export class UpstreamRequest implements ResponseDecoder, HttpPoolCallbacks {
  readonly cluster: Cluster;
  readonly host: Host;
  /** The response is complete. */
  responseEnded = false;
  /** Last chance to change headers is over, and they left. */
  private encoder: RequestEncoder | null = null;
  private readonly owner: UpstreamRequestOwner;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly headers: RequestHeaderMap;
  private readonly headersEnd: boolean;
  private waiting: PoolCancellable | null = null;
  private held: Buffer[] | null = null;
  private heldBytes = 0;
  private heldEnd = false;
  private heldTrailers: HeaderMap | null = null;
  private requestPaused = false;
  private done = false;
  private readPauses = 0;

  constructor(
    owner: UpstreamRequestOwner,
    callbacks: HttpFilterCallbacks,
    cluster: Cluster,
    host: Host,
    head: { readonly headers: RequestHeaderMap; readonly endStream: boolean },
  ) {
    this.owner = owner;
    this.callbacks = callbacks;
    this.cluster = cluster;
    this.host = host;
    this.headers = head.headers;
    this.headersEnd = head.endStream;
  }

  start(priority: "DEFAULT" | "HIGH"): void {
    const waiting = this.cluster.httpPool(this.host, priority).newStream(this, this);
    if (!this.done) this.waiting = waiting;
  }

  sendData(bytes: Buffer, endStream: boolean): void {
    if (this.encoder !== null) this.encodeData(bytes, endStream);
    else this.hold(bytes, endStream);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.encoder !== null) {
      this.encoder.encodeTrailers(trailers);
      this.markSent();
    } else this.heldTrailers = trailers;
  }

  /** Downstream cannot take more: the upstream must wait. */
  readDisable(disable: boolean): void {
    if (this.done || this.encoder === null) return;
    this.readPauses += disable ? 1 : -1;
    const { stats } = this.cluster.info;
    if (disable) stats.upstreamFlowControlBackedUpTotal.inc();
    else stats.upstreamFlowControlDrainedTotal.inc();
    this.encoder.readDisable(disable);
  }

  /** Gives the attempt up. */
  cancel(): void {
    if (this.done) return;
    this.done = true;
    this.resumeRequest();
    if (this.waiting !== null) this.waiting.cancel();
    else if (this.encoder !== null) this.encoder.resetStream("local reset");
  }

  onPoolReady(encoder: RequestEncoder, _host: Host, upstream: PooledUpstreamInfo): void {
    this.waiting = null;
    this.encoder = encoder;
    const { streamInfo, dispatcher } = this.callbacks;
    streamInfo.upstream = upstream;
    streamInfo.upstreamConnectStartMs = upstream.connectStartMs;
    streamInfo.upstreamConnectEndMs = upstream.connectEndMs;
    streamInfo.upstreamTxStartMs = dispatcher.nowMs;
    this.owner.onUpstreamReady(this);
    const bodyless = this.headersEnd;
    encoder.encodeHeaders(this.headers, bodyless);
    if (bodyless) this.markSent();
    else this.sendHeld();
  }

  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void {
    if (this.done) return;
    if (host !== null) this.callbacks.streamInfo.upstream = unconnectedUpstream(host.description);
    this.waiting = null;
    this.done = true;
    this.resumeRequest();
    this.owner.onUpstreamReset(reason, transportFailure);
  }

  decodeInformational(headers: ResponseHeaderMap): void {
    if (!this.done) this.owner.onUpstreamInformational(headers);
  }

  decodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    if (this.done) return;
    const { streamInfo, dispatcher } = this.callbacks;
    if (streamInfo.upstreamRxStartMs < 0) streamInfo.upstreamRxStartMs = dispatcher.nowMs;
    if (headers.status === 101 || this.headers.method === "CONNECT") this.encoder?.enableTunnel();
    if (endStream) this.markResponseEnd();
    this.owner.onUpstreamHeaders(headers, endStream);
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    if (this.done) return;
    if (endStream) this.markResponseEnd();
    this.owner.onUpstreamData(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.done) return;
    this.markResponseEnd();
    this.owner.onUpstreamTrailers(trailers);
  }

  onResetStream(reason: StreamResetReason, transportFailure: string): void {
    if (this.done) return;
    this.done = true;
    this.resumeRequest();
    this.owner.onUpstreamReset(reason, transportFailure);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.pauseRequest();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.resumeRequest();
  }

  private markResponseEnd(): void {
    this.responseEnded = true;
    this.callbacks.streamInfo.upstreamRxEndMs = this.callbacks.dispatcher.nowMs;
    while (this.readPauses > 0) this.readDisable(false);
  }

  private markSent(): void {
    this.callbacks.streamInfo.upstreamTxEndMs = this.callbacks.dispatcher.nowMs;
  }

  private encodeData(bytes: Buffer, endStream: boolean): void {
    this.encoder?.encodeData(bytes, endStream);
    if (endStream) this.markSent();
  }

  /** The pool has no connection yet: keep a copy, and stop the client at the limit. */
  private hold(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0) {
      this.held ??= [];
      this.held.push(Buffer.from(bytes));
      this.heldBytes += bytes.length;
    }
    this.heldEnd = endStream;
    const limit = this.callbacks.decoderBufferLimit();
    if (limit > 0 && this.heldBytes >= limit) this.pauseRequest();
  }

  private sendHeld(): void {
    const held = this.held;
    this.held = null;
    if (held !== null) {
      const last = held.length - 1;
      for (let index = 0; index <= last; index++) {
        this.encodeData(
          held[index] as Buffer,
          index === last && this.heldEnd && this.heldTrailers === null,
        );
      }
    } else if (this.heldEnd && this.heldTrailers === null) this.encodeData(Buffer.alloc(0), true);
    if (this.heldTrailers !== null) this.sendTrailers(this.heldTrailers);
    this.resumeRequest();
  }

  private pauseRequest(): void {
    if (this.requestPaused) return;
    this.requestPaused = true;
    this.callbacks.requestReadDisable(true);
  }

  private resumeRequest(): void {
    if (!this.requestPaused) return;
    this.requestPaused = false;
    this.callbacks.requestReadDisable(false);
  }
}
