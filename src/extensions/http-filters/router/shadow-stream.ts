// hot: per request
/**
 * One copy of a request on its way through a router of its own, without a client: what comes back
 * is dropped, and nothing that happens here reaches the request it was made of. Envoy:
 * `Http::AsyncStreamImpl` (source/common/http/async_client_impl.cc). Differs from Envoy: a copy
 * that cannot keep up is given up, where Envoy makes the client wait.
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { Connection } from "../../../network/connection.ts";
import { ConnectionInfo, StreamInfo } from "../../../network/stream-info.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { Route } from "../../../route/route.ts";
import type { OverrideHost } from "../../../upstream/load-balancer.ts";

const NOWHERE = { ip: "", port: 0 };
/** Bytes of a copy that may wait where the listener sets no limit. */
const UNLIMITED_MAX_BYTES = 1_048_576;
const EMPTY: Buffer = Buffer.alloc(0);

export interface ShadowStreamOwner {
  /** The copy waited for more than it may hold: it was given up. */
  onShadowAbandoned(): void;
}

export class ShadowStream implements HttpFilterCallbacks {
  readonly filterName = "";
  readonly dispatcher: Dispatcher;
  /** Of the client; nothing of a copy goes there. */
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  readonly streamRandom: number;
  readonly requestHeaders: RequestHeaderMap;
  readonly responseHeaders: ResponseHeaderMap | null = null;
  overrideHost: OverrideHost | null = null;
  private readonly owner: ShadowStreamOwner;
  private readonly target: Route;
  private readonly limitBytes: number;
  private filter: HttpFilter | null = null;
  /** How often the upstream side asked the request to wait. */
  private pauses = 0;
  private waiting: Buffer[] | null = null;
  private waitingBytes = 0;
  private waitingTrailers: HeaderMap | null = null;
  private requestEnded = false;
  private ended = false;

  /** `limitBytes` 0: the listener has no limit. */
  constructor(
    owner: ShadowStreamOwner,
    { dispatcher, connection }: HttpFilterCallbacks,
    route: Route,
    headers: RequestHeaderMap,
    limitBytes: number,
  ) {
    this.owner = owner;
    this.dispatcher = dispatcher;
    this.connection = connection;
    this.target = route;
    this.requestHeaders = headers;
    this.limitBytes = limitBytes === 0 ? UNLIMITED_MAX_BYTES : limitBytes;
    const nobody = new ConnectionInfo(0, NOWHERE, NOWHERE);
    this.streamInfo = new StreamInfo(nobody, dispatcher.nowMs, dispatcher.wallMs());
    this.streamInfo.protocol = "HTTP/1.1";
    this.streamInfo.route = route;
    this.streamRandom = dispatcher.random.uint32();
  }

  start(filter: HttpFilter, endStream: boolean): void {
    this.filter = filter;
    this.requestEnded = endStream;
    this.guard(() => filter.decodeHeaders?.(this.requestHeaders, endStream));
  }

  /** `bytes` is borrowed. */
  sendData(bytes: Buffer, endStream: boolean): void {
    if (this.ended) return;
    if (endStream) this.requestEnded = true;
    if (this.pauses === 0) this.guard(() => this.filter?.decodeData?.(bytes, endStream));
    else this.wait(bytes);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.ended) return;
    this.requestEnded = true;
    if (this.pauses === 0) this.guard(() => this.filter?.decodeTrailers?.(trailers));
    else this.waitingTrailers = trailers;
  }

  /** The request it is a copy of ended before it was complete. */
  cancelUnfinished(): void {
    if (!this.requestEnded) this.end();
  }

  requestReadDisable(disable: boolean): void {
    this.pauses += disable ? 1 : -1;
    if (this.pauses === 0 && !this.ended) this.flush();
  }

  route(): Route | null {
    return this.target;
  }

  routeConfig(): object | null {
    return null;
  }

  routeConfigs(): readonly object[] {
    return [];
  }

  decodingBuffer(): Buffer | null {
    return null;
  }

  encodingBuffer(): Buffer | null {
    return null;
  }

  decoderBufferLimit(): number {
    return this.limitBytes;
  }

  encoderBufferLimit(): number {
    return 0;
  }

  sendLocalReply(): void {
    this.end();
  }

  encodeHeaders(_headers: ResponseHeaderMap, endStream: boolean): void {
    if (endStream) this.end();
  }

  encodeData(_bytes: Buffer, endStream: boolean): void {
    if (endStream) this.end();
  }

  encodeTrailers(): void {
    this.end();
  }

  resetStream(): void {
    this.end();
  }

  recreateStream(): boolean {
    return false;
  }

  clearRouteCache(): void {
    // The route is the only one.
  }

  continueDecoding(): void {
    // There is one filter, and it takes everything.
  }

  continueEncoding(): void {
    // As above.
  }

  injectDecodedData(): void {
    // As above.
  }

  injectEncodedData(): void {
    // As above.
  }

  setDecoderBufferLimit(): void {
    // No filter stands before the router.
  }

  encodeInformational(): void {
    // Nobody reads it.
  }

  responseReadDisable(): void {
    // The response is dropped as it comes.
  }

  addWatermarkListener(): void {
    // Nobody reads slowly.
  }

  private wait(bytes: Buffer): void {
    this.waitingBytes += bytes.length;
    if (this.waitingBytes > this.limitBytes) {
      this.owner.onShadowAbandoned();
      this.end();
      return;
    }
    this.waiting ??= [];
    this.waiting.push(Buffer.from(bytes));
  }

  /** What waited goes on, until the upstream side has enough again. */
  private flush(): void {
    while (this.waiting !== null && this.waiting.length > 0 && this.pauses === 0) {
      const bytes = this.waiting.shift() ?? EMPTY;
      this.waitingBytes -= bytes.length;
      const last = this.waiting.length === 0 && this.requestEnded && this.waitingTrailers === null;
      this.guard(() => this.filter?.decodeData?.(bytes, last));
    }
    const trailers = this.waitingTrailers;
    if (trailers === null || this.pauses > 0) return;
    this.waitingTrailers = null;
    this.guard(() => this.filter?.decodeTrailers?.(trailers));
  }

  /** A bug here must not touch the request that is served. */
  private guard(step: () => unknown): void {
    if (this.ended) return;
    try {
      step();
    } catch (error) {
      this.dispatcher.onBug(error);
      this.end();
    }
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.waiting = null;
    this.waitingTrailers = null;
    const { filter } = this;
    this.streamInfo.endMs = this.dispatcher.nowMs;
    filter?.onStreamComplete?.();
    filter?.onDestroy?.();
  }
}
