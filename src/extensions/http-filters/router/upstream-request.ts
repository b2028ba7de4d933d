// hot: per request
/**
 * One attempt of a request on one upstream stream: waits for the pool, holds body meanwhile, passes
 * the response on. Envoy: `Router::UpstreamRequest` (source/common/router/upstream_request.cc).
 */
import type { RequestEncoder, ResponseDecoder, StreamResetReason } from "../../../codec/codec.ts";
import { isUpgrade } from "../../../codec/h1/upgrade.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type {
  HttpPoolCallbacks,
  PoolCancellable,
  PooledUpstreamInfo,
  PoolFailureReason,
} from "../../../upstream/connection-pool.ts";
import {
  type AttemptOutcome,
  type Host,
  type HostFeedback,
  MonitorResult,
} from "../../../upstream/host.ts";
import type { AttemptClocks, AttemptClocksOwner } from "./attempt-clocks.ts";
import { reportHead, reportHealth, reportReset } from "./outlier-report.ts";
import { resetFlag } from "./reset-reason.ts";
import { TcpStart } from "./tcp-start.ts";
import { unconnectedUpstream } from "./upstream-facts.ts";
import { UpstreamLog, type UpstreamLogging } from "./upstream-log.ts";

const EMPTY: Buffer = Buffer.alloc(0);

/** What an attempt tells the router. */
export interface UpstreamRequestOwner {
  onUpstreamReady(request: UpstreamRequest): void;
  onUpstreamInformational(request: UpstreamRequest, headers: ResponseHeaderMap): void;
  onUpstreamHeaders(request: UpstreamRequest, headers: ResponseHeaderMap, endStream: boolean): void;
  onUpstreamData(request: UpstreamRequest, bytes: Buffer, endStream: boolean): void;
  onUpstreamTrailers(request: UpstreamRequest, trailers: HeaderMap): void;
  onUpstreamReset(
    request: UpstreamRequest,
    reason: StreamResetReason,
    transportFailure: string,
  ): void;
  /** The attempt took too long to begin its answer. */
  onTryTimeout(request: UpstreamRequest): void;
  /** Nothing came for too long. */
  onTryIdleTimeout(request: UpstreamRequest): void;
  /** The upstream stream has lived as long as it may. */
  onStreamDuration(request: UpstreamRequest): void;
}

/** The request as it stands when the attempt begins. */
export interface RequestHead {
  readonly headers: RequestHeaderMap;
  readonly endStream: boolean;
  /** Null when attempts are not logged. */
  readonly logging: UpstreamLogging | null;
  /** Gets the facts of this attempt: the stream's own info, unless attempts run side by side. */
  readonly facts: StreamInfo;
}

export class UpstreamRequest implements ResponseDecoder, HttpPoolCallbacks, AttemptClocksOwner {
  readonly cluster: Cluster;
  readonly host: Host;
  readonly facts: StreamInfo;
  /** Null when nothing limits this attempt. */
  clocks: AttemptClocks | null = null;
  /** The head of the response came. */
  answered = false;
  /** Another attempt was begun beside this one, because it was too slow. */
  retried = false;
  /** Its time-out passed, and it went on. */
  slow = false;
  /** The response is complete. */
  responseEnded = false;
  /** gRPC: the outcome stands in trailers that are still to come. */
  outcomeInTrailers = false;
  private encoder: RequestEncoder | null = null;
  private readonly owner: UpstreamRequestOwner;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly headers: RequestHeaderMap;
  private readonly headersEnd: boolean;
  private readonly log: UpstreamLog | null;
  private waiting: PoolCancellable | null = null;
  private held: Buffer[] | null = null;
  private heldBytes = 0;
  private heldEnd = false;
  private heldTrailers: HeaderMap | null = null;
  private requestPaused = false;
  private requestSent = false;
  private done = false;
  /** How often the response was asked to wait. */
  private responsePauses = 0;
  /**
   * An upgrade or CONNECT that was not answered yet. Nothing behind its head goes upstream before:
   * an upstream that refuses the tunnel would read it as another request.
   */
  private awaitsTunnel: boolean;
  /** Null when nobody learns from this attempt, or no longer. */
  private feedback: HostFeedback | null;
  private readonly startMs: number;
  /** Bytes that belong to the upgrade request itself, by its length: they need not wait. */
  private upgradeBody = 0;

  constructor(
    owner: UpstreamRequestOwner,
    callbacks: HttpFilterCallbacks,
    cluster: Cluster,
    host: Host,
    head: RequestHead,
  ) {
    this.owner = owner;
    this.callbacks = callbacks;
    this.cluster = cluster;
    this.host = host;
    this.feedback = host.feedback;
    this.startMs = callbacks.dispatcher.nowMs;
    this.headers = head.headers;
    this.headersEnd = head.endStream;
    this.facts = head.facts;
    const { logging } = head;
    this.log = logging === null ? null : new UpstreamLog(logging, callbacks, cluster, head);
    this.awaitsTunnel = head.headers.method === "CONNECT" || isUpgrade(head.headers);
    if (this.awaitsTunnel) {
      this.upgradeBody = Number(head.headers.get(Headers.ContentLength) ?? "0");
    }
  }

  start(priority: "DEFAULT" | "HIGH"): void {
    this.feedback?.requestStarted(this.startMs);
    this.waitFor(this.cluster.httpPool(this.host, priority).newStream(this, this));
  }

  /** As `start`, for a CONNECT that ends here: the upstream speaks no HTTP. */
  startTcp(priority: "DEFAULT" | "HIGH"): void {
    this.feedback?.requestStarted(this.startMs);
    this.waitFor(this.cluster.tcpPool(this.host, priority).newConnection(new TcpStart(this)));
  }

  /** Null when the pool has answered already. */
  private waitFor(waiting: PoolCancellable | null): void {
    if (waiting === null || this.done) return;
    this.waiting = waiting;
    // Logs of a request that ends meanwhile name the host that it waited for.
    this.facts.upstream = unconnectedUpstream(this.host);
  }

  /** The upstream has the request, as far as it came. */
  get started(): boolean {
    return this.encoder !== null;
  }

  sendData(bytes: Buffer, endStream: boolean): void {
    if (this.done) return;
    if (this.encoder !== null && !this.awaitsTunnel) this.encodeData(bytes, endStream);
    else this.hold(bytes, endStream);
    if (this.encoder !== null && this.upgradeBody > 0) this.sendUpgradeBody();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.done) return;
    if (this.encoder === null || this.awaitsTunnel) {
      this.heldTrailers = trailers;
      return;
    }
    this.encoder.encodeTrailers(trailers);
    this.markSent();
  }

  /** Downstream cannot take more: the upstream must wait. */
  readDisable(disable: boolean): void {
    if (this.done || this.responseEnded) return;
    this.responsePauses += disable ? 1 : -1;
    const { stats } = this.cluster.info;
    if (disable) stats.upstreamFlowControlPausedReadingTotal.inc();
    else stats.upstreamFlowControlResumedReadingTotal.inc();
    this.encoder?.readDisable(disable);
  }

  /** Gives the attempt up; its log line gets `flags`. Whole exchanges keep their connection. */
  cancel(flags: number = 0): void {
    if (this.done) return;
    this.done = true;
    this.clocks?.stop();
    this.resumeRequest();
    if (this.feedback !== null) this.endFeedback(this.answered ? "answered" : "cancelled");
    if (this.waiting !== null) this.waiting.cancel();
    else if (!(this.responseEnded && this.requestSent)) this.encoder?.resetStream("local reset");
    this.endLog(flags, "");
  }

  onTryTimeout(): void {
    this.owner.onTryTimeout(this);
  }

  onTryIdleTimeout(): void {
    this.owner.onTryIdleTimeout(this);
  }

  onStreamDuration(): void {
    this.owner.onStreamDuration(this);
  }

  /** Bytes on the upstream wire, for logs. */
  recordBytes(): void {
    if (this.encoder === null) return;
    const { meter } = this.encoder;
    const info = this.facts;
    info.upstreamWireBytesSent = meter.wireBytesSent;
    info.upstreamWireBytesReceived = meter.wireBytesReceived;
    info.upstreamHeaderBytesSent = meter.headerBytesSent;
    info.upstreamHeaderBytesReceived = meter.headerBytesReceived;
  }

  onPoolReady(encoder: RequestEncoder, _host: Host, upstream: PooledUpstreamInfo): void {
    this.waiting = null;
    this.encoder = encoder;
    const { facts } = this;
    const { nowMs } = this.callbacks.dispatcher;
    facts.upstream = upstream;
    facts.upstreamConnectStartMs = upstream.connectStartMs;
    facts.upstreamConnectEndMs = upstream.connectEndMs;
    facts.upstreamPoolReadyMs = nowMs;
    facts.upstreamTxStartMs = nowMs;
    for (let pauses = this.responsePauses; pauses > 0; pauses--) encoder.readDisable(true);
    this.log?.onReady(upstream);
    this.host.monitor?.onResult(MonitorResult.LocalOriginConnectSuccess, 0);
    this.owner.onUpstreamReady(this);
    const bodyless = this.headersEnd;
    encoder.encodeHeaders(this.headers, bodyless);
    if (bodyless) this.markSent();
    else if (!this.done && !this.awaitsTunnel) this.sendHeld();
    else if (this.upgradeBody > 0) this.sendUpgradeBody();
  }

  onPoolFailure(reason: PoolFailureReason, transportFailure: string, host: Host | null): void {
    if (this.done) return;
    this.waiting = null;
    this.done = true;
    this.clocks?.stop();
    this.facts.upstreamPoolReadyMs = this.callbacks.dispatcher.nowMs;
    if (host !== null) this.facts.upstream = unconnectedUpstream(host);
    this.resumeRequest();
    if (this.feedback !== null) this.endFeedback("failed");
    this.endLog(resetFlag(reason), transportFailure);
    if (this.host.monitor !== null) reportReset(this.host.monitor, reason);
    this.owner.onUpstreamReset(this, reason, transportFailure);
  }

  decodeInformational(headers: ResponseHeaderMap): void {
    if (!this.done) this.owner.onUpstreamInformational(this, headers);
  }

  decodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    if (this.done) return;
    const { facts } = this;
    if (facts.upstreamRxStartMs < 0) facts.upstreamRxStartMs = this.callbacks.dispatcher.nowMs;
    this.answered = true;
    this.clocks?.onActivity();
    this.log?.onHeaders(headers);
    if (this.host.monitor !== null) reportHead(this.host.monitor, this.headers, headers);
    if (this.host.healthMonitor !== null) reportHealth(this.host.healthMonitor, headers);
    if (this.feedback !== null) this.reportHead(this.feedback, headers);
    const opens = this.awaitsTunnel && this.opensTunnel(headers.status);
    if (opens) this.encoder?.enableTunnel();
    if (endStream) this.markResponseEnd();
    this.owner.onUpstreamHeaders(this, headers, endStream);
    if (!opens || this.done) return;
    this.awaitsTunnel = false;
    this.sendHeld();
  }

  private opensTunnel(status: number): boolean {
    return this.headers.method === "CONNECT" ? status >= 200 && status < 300 : status === 101;
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    if (this.done) return;
    const { facts } = this;
    if (facts.upstreamRxBodyStartMs < 0) {
      facts.upstreamRxBodyStartMs = this.callbacks.dispatcher.nowMs;
    }
    this.clocks?.onActivity();
    this.log?.onReceived(bytes.length);
    if (endStream) this.markResponseEnd();
    this.owner.onUpstreamData(this, bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.done) return;
    if (this.log !== null) this.log.responseTrailers = trailers;
    this.feedback?.trailersReceived(trailers);
    this.markResponseEnd();
    this.owner.onUpstreamTrailers(this, trailers);
  }

  onResetStream(reason: StreamResetReason, transportFailure: string): void {
    if (this.done) return;
    this.done = true;
    this.clocks?.stop();
    this.resumeRequest();
    if (this.feedback !== null) this.endFeedback(this.answered ? "broken" : "failed");
    this.endLog(resetFlag(reason), transportFailure);
    if (this.host.monitor !== null) reportReset(this.host.monitor, reason);
    this.owner.onUpstreamReset(this, reason, transportFailure);
  }

  onAboveWriteBufferHighWatermark(): void {
    if (this.requestPaused || this.done) return;
    this.cluster.info.stats.upstreamFlowControlBackedUpTotal.inc();
    this.pauseRequest();
  }

  onBelowWriteBufferLowWatermark(): void {
    if (!this.requestPaused || this.done) return;
    this.cluster.info.stats.upstreamFlowControlDrainedTotal.inc();
    this.resumeRequest();
  }

  private markResponseEnd(): void {
    // Reading goes on: the connection may serve another request.
    while (this.responsePauses > 0) this.readDisable(false);
    this.responseEnded = true;
    this.clocks?.stop();
    if (this.feedback !== null) this.endFeedback("answered");
    this.facts.upstreamRxEndMs = this.callbacks.dispatcher.nowMs;
    this.endLog(0, "");
  }

  private reportHead(feedback: HostFeedback, headers: ResponseHeaderMap): void {
    feedback.responseReceived(headers, this.callbacks.dispatcher.nowMs - this.startMs);
  }

  private endFeedback(outcome: AttemptOutcome): void {
    this.feedback?.requestEnded(this.startMs, outcome);
    this.feedback = null;
  }

  private endLog(flags: number, transportFailure: string): void {
    if (this.log === null) return;
    this.recordBytes();
    this.log.end(flags, transportFailure);
  }

  private markSent(): void {
    this.requestSent = true;
    this.facts.upstreamTxEndMs = this.callbacks.dispatcher.nowMs;
  }

  private encodeData(bytes: Buffer, endStream: boolean): void {
    this.log?.onSent(bytes.length);
    this.encoder?.encodeData(bytes, endStream);
    if (endStream) this.markSent();
  }

  /** No connection or no tunnel yet: keep a copy, and stop the client at the limit. */
  private hold(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0) {
      this.held ??= [];
      this.held.push(Buffer.from(bytes));
      this.heldBytes += bytes.length;
    }
    this.heldEnd = endStream;
    const limit = this.callbacks.decoderBufferLimit();
    if (limit > 0 && this.heldBytes > limit) this.onAboveWriteBufferHighWatermark();
  }

  /** An upgrade may wait for its own body; what follows it may not leave yet. */
  private sendUpgradeBody(): void {
    const held = this.held;
    if (held === null || this.done) return;
    const bytes = Buffer.concat(held);
    const length = Math.min(bytes.length, this.upgradeBody);
    this.upgradeBody -= length;
    this.heldBytes = bytes.length - length;
    this.held = this.heldBytes === 0 ? null : [bytes.subarray(length)];
    this.encodeData(bytes.subarray(0, length), false);
  }

  private sendHeld(): void {
    const { held, heldTrailers } = this;
    const end = this.heldEnd && heldTrailers === null;
    this.held = null;
    this.onBelowWriteBufferLowWatermark();
    if (held !== null) {
      const last = held.length - 1;
      for (let index = 0; index <= last; index++) {
        this.encodeData(held[index] as Buffer, index === last && end);
      }
    } else if (end) this.encodeData(EMPTY, true);
    if (heldTrailers !== null) this.sendTrailers(heldTrailers);
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
