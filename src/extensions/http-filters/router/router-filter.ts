// hot: per request
/**
 * One request on its way through the router: route, cluster, host, and the attempts it takes. What
 * comes back from them is in response-path.ts and attempt-failure.ts. Envoy: `Router::Filter`
 * (source/common/router/router.cc).
 */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpFilterCallbacks,
  WatermarkListener,
} from "../../../http/http-filter.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Cluster, ClusterInfo } from "../../../upstream/cluster.ts";
import { openRetries, prepareHeaders, prepareRetry, refusal } from "./admission.ts";
import { attemptEnded, attemptInformational, attemptStarted } from "./attempt-events.ts";
import {
  attemptFailed,
  attemptIdle,
  attemptTooSlow,
  routeTimedOut,
  streamTooOld,
} from "./attempt-failure.ts";
import { RequestBalancing } from "./request-balancing.ts";
import { keepBytes, type RequestBody } from "./request-body.ts";
import { RequestStats } from "./request-stats.ts";
import { relayHead } from "./response-path.ts";
import type { RetryOwner } from "./retry-state.ts";
import { RouterClocks, type RouterClocksOwner } from "./router-clocks.ts";
import type { RouterServices } from "./router-services.ts";
import type { Shadows } from "./shadows.ts";
import { startAttempt } from "./start-attempt.ts";
import { replyDirectly, replyNoCluster, replyNoHost, replyNoRoute } from "./unroutable.ts";
import { copyUpstreamFacts } from "./upstream-facts.ts";
import type { UpstreamRequest, UpstreamRequestOwner } from "./upstream-request.ts";

export class RouterFilter
  extends RequestBalancing
  implements HttpFilter, UpstreamRequestOwner, RouterClocksOwner, RetryOwner, WatermarkListener
{
  readonly services: RouterServices;
  readonly clocks: RouterClocks;
  counts: RequestStats | null = null;
  /** The newest attempt, or the one whose response goes to the client. */
  upstream: UpstreamRequest | null = null;
  /** Attempts that were decided on and wait for their time. */
  pendingRetries = 0;
  /** Attempts that were too slow go on beside their successors. */
  hedging = false;
  /** Body so far, where a later attempt or a redirect may need it. */
  body: RequestBody | null = null;
  bodyOverflowed = false;
  requestEnded = false;
  /** Monotonic; −1 before the end of the request. */
  requestEndMs = -1;
  /** An upstream has seen something of the request. */
  requestStarted = false;
  /** Something of a response, if only a 1xx, went to the client. */
  responseStarted = false;
  responseHeaders: ResponseHeaderMap | null = null;
  timeoutAltResponse = false;
  cluster: Cluster | null = null;
  /** Earlier attempts beside `upstream`; null except when hedging. */
  rivals: UpstreamRequest[] | null = null;
  /** Copies of the request; null without mirroring. */
  shadows: Shadows | null = null;
  cancelWait: (() => void) | null = null;
  waitPaused = false;
  headersEnd = false;
  trailers: HeaderMap | null = null;
  replays = false;
  bodyLimit = 0;
  /** How often the client's side asked the response to wait. */
  responsePauses = 0;

  constructor(services: RouterServices, callbacks: HttpFilterCallbacks) {
    super(callbacks);
    this.services = services;
    this.clocks = new RouterClocks(services, this);
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    this.services.stats.rqTotal.inc();
    this.headers = headers;
    this.headersEnd = endStream;
    if (endStream) this.endRequest();
    const route = this.callbacks.route();
    if (route === null) replyNoRoute(this);
    else if (route.directResponse !== null) replyDirectly(this, route.directResponse);
    else this.forward(route.entry as RouteEntry);
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (endStream) this.endRequest();
    this.shadows?.sendData(bytes, endStream);
    if ((this.body !== null || this.cancelWait !== null) && !keepBytes(this, bytes)) return "stop";
    this.upstream?.sendData(bytes, endStream);
    return "stop";
  }

  decodeTrailers(trailers: HeaderMap): FilterStatus {
    this.endRequest();
    this.trailers = trailers;
    this.shadows?.sendTrailers(trailers);
    this.upstream?.sendTrailers(trailers);
    return "stop";
  }

  onStreamComplete(): void {
    if (this.upstream !== null) this.record(this.upstream);
  }

  onDestroy(): void {
    this.cancelWait?.();
    this.cancelWait = null;
    this.shadows?.onDestroy();
    this.cleanUp();
    // A response that was complete before its request leaves the upstream with half a request.
    while (this.upstream !== null) this.drop(this.upstream, 0);
  }

  onTimeout(): void {
    routeTimedOut(this);
  }

  onTryTimeout(attempt: UpstreamRequest): void {
    attemptTooSlow(this, attempt);
  }

  onTryIdleTimeout(attempt: UpstreamRequest): void {
    attemptIdle(this, attempt);
  }

  onStreamDuration(attempt: UpstreamRequest): void {
    streamTooOld(this, attempt);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.responsePauses++;
    this.upstream?.readDisable(true);
    if (this.rivals !== null) for (const attempt of this.rivals) attempt.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.responsePauses--;
    this.upstream?.readDisable(false);
    if (this.rivals !== null) for (const attempt of this.rivals) attempt.readDisable(false);
  }

  onUpstreamReady(attempt: UpstreamRequest): void {
    this.requestStarted = true;
    attemptStarted(attempt, this.counts as RequestStats);
    attempt.clocks?.onReady(this.requestEnded);
  }

  onUpstreamInformational(attempt: UpstreamRequest, headers: ResponseHeaderMap): void {
    attemptInformational(attempt, this.counts as RequestStats, headers);
    // Another upstream might not send it again.
    this.responseStarted = true;
    this.endRetries();
    this.keepOnly(attempt);
    this.callbacks.encodeInformational(headers);
  }

  onUpstreamHeaders(
    attempt: UpstreamRequest,
    headers: ResponseHeaderMap,
    endStream: boolean,
  ): void {
    relayHead(this, attempt, headers, endStream);
  }

  onUpstreamData(attempt: UpstreamRequest, bytes: Buffer, endStream: boolean): void {
    if (endStream) {
      attemptEnded(attempt, null);
      this.endResponse(attempt);
    }
    this.callbacks.encodeData(bytes, endStream);
  }

  onUpstreamTrailers(attempt: UpstreamRequest, trailers: HeaderMap): void {
    attemptEnded(attempt, trailers);
    this.endResponse(attempt);
    this.callbacks.encodeTrailers(trailers);
  }

  onUpstreamReset(
    attempt: UpstreamRequest,
    reason: StreamResetReason,
    transportFailure: string,
  ): void {
    attemptFailed(this, attempt, reason, transportFailure);
  }

  onRetryDue(timeout: boolean): void {
    const entry = this.entry as RouteEntry;
    this.pendingRetries--;
    this.attempts++;
    this.callbacks.streamInfo.attemptCount = this.attempts;
    // The cluster may have been replaced or removed meanwhile.
    const lookup = this.services.clusters.lookup(entry.clusterName);
    const cluster = lookup.kind === "now" ? lookup.cluster : null;
    const host = cluster === null ? null : cluster.chooseHost(this);
    if (cluster === null || host === null) {
      replyNoHost(this);
      return;
    }
    prepareRetry(this, entry, timeout);
    startAttempt(this, cluster, host);
  }

  /** The cluster of the newest attempt. */
  get clusterInfo(): ClusterInfo {
    return (this.cluster as Cluster).info;
  }

  /** Nothing is tried again from now on. */
  endRetries(): void {
    this.retry?.close();
    this.retry = null;
    this.pendingRetries = 0;
  }

  /** The outcome is settled: no timer of ours decides anything any more. */
  cleanUp(): void {
    this.endRetries();
    this.clocks.stop();
  }

  /** An attempt begins; one that was too slow may go on beside it. */
  add(attempt: UpstreamRequest): void {
    if (this.upstream !== null) {
      this.rivals ??= [];
      this.rivals.push(this.upstream);
    }
    this.upstream = attempt;
  }

  /** The attempt is over, one way or another. */
  remove(attempt: UpstreamRequest): void {
    this.record(attempt);
    const { rivals } = this;
    if (attempt === this.upstream) this.upstream = rivals?.pop() ?? null;
    else if (rivals !== null) rivals.splice(rivals.indexOf(attempt), 1);
  }

  /** Ends an attempt that nobody wants; `flags` are for its log line. */
  drop(attempt: UpstreamRequest, flags: number): void {
    this.remove(attempt);
    attempt.cancel(flags);
  }

  /** The other attempts lose. */
  keepOnly(attempt: UpstreamRequest): void {
    if (this.rivals !== null) {
      const losers = [...this.rivals, this.upstream as UpstreamRequest];
      this.rivals = null;
      for (const loser of losers) if (loser !== attempt) loser.cancel();
    }
    this.upstream = attempt;
    this.record(attempt);
  }

  /** Another attempt is under way, or will be: it may still bring a response. */
  othersMayAnswer(attempt: UpstreamRequest | null): boolean {
    if (this.pendingRetries > 0) return true;
    const { upstream, rivals } = this;
    if (upstream !== null && upstream !== attempt && !upstream.answered) return true;
    return rivals?.some((rival) => rival !== attempt && !rival.answered) ?? false;
  }

  /** The response is complete. */
  endResponse(attempt: UpstreamRequest): void {
    this.cleanUp();
    if (this.requestEndMs < 0) return;
    const elapsed = Math.floor(this.callbacks.dispatcher.nowMs - this.requestEndMs);
    this.counts?.time(elapsed, this.responseHeaders, attempt.host);
  }

  private forward(entry: RouteEntry): void {
    this.entry = entry;
    const lookup = this.services.clusters.lookup(entry.clusterName);
    if (lookup.kind === "now") this.send(lookup.cluster);
    else if (lookup.kind === "none") replyNoCluster(this);
    else this.cancelWait = lookup.wait((cluster) => this.onCluster(cluster));
  }

  private onCluster(cluster: Cluster | null): void {
    this.cancelWait = null;
    if (cluster === null) {
      replyNoCluster(this);
      return;
    }
    this.send(cluster);
    if (this.waitPaused) this.callbacks.requestReadDisable(false);
    this.waitPaused = false;
  }

  private send(cluster: Cluster): void {
    const { streamInfo } = this.callbacks;
    const entry = this.entry as RouteEntry;
    const headers = this.headers as RequestHeaderMap;
    streamInfo.cluster = cluster.info;
    const counts = new RequestStats(this.services, this.callbacks, cluster, headers);
    this.counts = counts;
    counts.choose(entry);
    const refused = refusal(this, cluster, headers);
    if (refused !== null) {
      this.callbacks.sendLocalReply(refused);
      return;
    }
    this.attempts = 1;
    streamInfo.attemptCount = 1;
    this.retry = openRetries(this, cluster, entry, headers);
    prepareHeaders(this, cluster, entry, headers);
    this.chooseSubset(entry);
    const host = cluster.chooseHost(this);
    if (host !== null) startAttempt(this, cluster, host);
    else this.waitForHost(cluster);
  }

  /** The cluster may find a host yet: a name is looked up. */
  private waitForHost(cluster: Cluster): void {
    let answered = false;
    const cancel = cluster.awaitHost(this, (host, details) => {
      answered = true;
      this.cancelWait = null;
      if (host === null) replyNoHost(this, details);
      else startAttempt(this, cluster, host);
      if (this.waitPaused) this.callbacks.requestReadDisable(false);
      this.waitPaused = false;
    });
    if (cancel === null) replyNoHost(this);
    else if (!answered) this.cancelWait = cancel;
  }

  /** Facts of attempts that run side by side reach the stream's info from the newest. */
  private record(attempt: UpstreamRequest): void {
    attempt.recordBytes();
    const { streamInfo } = this.callbacks;
    if (attempt.facts !== streamInfo && attempt === this.upstream) {
      copyUpstreamFacts(attempt.facts, streamInfo);
    }
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.requestEndMs = this.callbacks.dispatcher.nowMs;
    const { upstream } = this;
    if (upstream === null || upstream.responseEnded) return;
    this.clocks.start();
    upstream.clocks?.onRequestEnd();
  }
}
