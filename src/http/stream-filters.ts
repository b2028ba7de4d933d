// hot: per request
/**
 * The filters of one stream: which of the configured ones take part, and what each of them may do.
 * Envoy: `FilterManager`, `ActiveStreamDecoderFilter`, `ActiveStreamEncoderFilter`.
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { Connection } from "../network/connection.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Route } from "../route/route.ts";
import type { OverrideHost } from "../upstream/load-balancer.ts";
import type { ActiveStream } from "./active-stream.ts";
import { DecodeEnd, EncodeEnd } from "./chain-ends.ts";
import { FilterIteration, type IterationDirection } from "./filter-iteration.ts";
import type { HttpFilter, HttpFilterCallbacks, WatermarkListener } from "./http-filter.ts";
import type { HttpFilterInstanceFactory } from "./http-filter-factory.ts";
import type { LocalReply } from "./local-reply.ts";
import { recreateStream } from "./recreate-stream.ts";

/** One entry of http_filters, ready to make instances. */
export interface HttpFilterEntry {
  /** Name in http_filters: the key of per-route configs. */
  readonly name: string;
  /** `disabled: true`: runs only where a per-route config enables it. */
  readonly disabled: boolean;
  readonly factory: HttpFilterInstanceFactory;
}

const DECODE: IterationDirection<RequestHeaderMap> = {
  terminal: true,
  headers: (filter, headers, end) => filter.decodeHeaders?.(headers, end) ?? "continue",
  data: (filter, bytes, end) => filter.decodeData?.(bytes, end) ?? "continue",
  trailers: (filter, trailers) => filter.decodeTrailers?.(trailers) ?? "continue",
};

const ENCODE: IterationDirection<ResponseHeaderMap> = {
  terminal: false,
  headers: (filter, headers, end) => filter.encodeHeaders?.(headers, end) ?? "continue",
  data: (filter, bytes, end) => filter.encodeData?.(bytes, end) ?? "continue",
  trailers: (filter, trailers) => filter.encodeTrailers?.(trailers) ?? "continue",
};

/** Filters in request order, and the walkers over them. Encoding runs in reverse order. */
export class StreamFilters {
  readonly filters: HttpFilter[] = [];
  readonly decoding: FilterIteration<RequestHeaderMap>;
  readonly encoding: FilterIteration<ResponseHeaderMap>;

  constructor(entries: readonly HttpFilterEntry[], stream: ActiveStream) {
    for (let index = 0; index < entries.length; index++)
      this.add(entries[index] as HttpFilterEntry, stream);
    this.decoding = new FilterIteration(this.filters, DECODE, new DecodeEnd(stream));
    const reversed = [...this.filters].reverse();
    this.encoding = new FilterIteration(reversed, ENCODE, new EncodeEnd(stream));
  }

  private add(entry: HttpFilterEntry, stream: ActiveStream): void {
    const configs = stream.route()?.perFilterConfigs;
    if (configs?.disabled(entry.name) ?? entry.disabled) return;
    const handle = new FilterHandle(stream, this, entry.name, this.filters.length);
    const filter = entry.factory.create(handle);
    if (filter !== null) this.filters.push(filter);
  }

  /** Tells every filter that the stream is over, before its log line is written. */
  complete(): void {
    for (let index = 0; index < this.filters.length; index++) {
      this.filters[index]?.onStreamComplete?.();
    }
  }

  /** Place of a filter in encoding order. */
  encodeIndex(index: number): number {
    return this.filters.length - 1 - index;
  }
}

/** A filter's view of its stream. */
export class FilterHandle implements HttpFilterCallbacks {
  private readonly stream: ActiveStream;
  private readonly chain: StreamFilters | null;
  readonly filterName: string;
  private readonly index: number;

  constructor(stream: ActiveStream, chain: StreamFilters | null, name: string, index: number) {
    this.stream = stream;
    this.chain = chain;
    this.filterName = name;
    this.index = index;
  }

  get dispatcher(): Dispatcher {
    return this.stream.runtime.dispatcher;
  }

  get connection(): Connection {
    return this.stream.connection;
  }

  get streamInfo(): StreamInfo {
    return this.stream.streamInfo;
  }

  get streamRandom(): number {
    return this.stream.random();
  }

  get requestHeaders(): RequestHeaderMap {
    return this.stream.requestHeaders as RequestHeaderMap;
  }

  get responseHeaders(): ResponseHeaderMap | null {
    return this.stream.responseHeaders;
  }

  get overrideHost(): OverrideHost | null {
    return this.stream.overrideHost;
  }

  set overrideHost(host: OverrideHost | null) {
    this.stream.overrideHost = host;
  }

  route(): Route | null {
    return this.stream.route();
  }

  clearRouteCache(): void {
    this.stream.clearRouteCache();
  }

  routeConfig(): object | null {
    return this.stream.route()?.perFilterConfigs.get(this.filterName) ?? null;
  }

  routeConfigs(): readonly object[] {
    return this.stream.route()?.perFilterConfigs.all(this.filterName) ?? [];
  }

  decodingBuffer(): Buffer | null {
    return this.chain?.decoding.buffered(this.index) ?? null;
  }

  encodingBuffer(): Buffer | null {
    const { chain } = this;
    return chain === null ? null : chain.encoding.buffered(chain.encodeIndex(this.index));
  }

  continueDecoding(): void {
    this.chain?.decoding.continueFrom(this.index);
  }

  continueEncoding(): void {
    this.chain?.encoding.continueFrom(this.chain.encodeIndex(this.index));
  }

  injectDecodedData(bytes: Buffer, endStream: boolean): void {
    this.chain?.decoding.inject(this.index, bytes, endStream);
  }

  injectEncodedData(bytes: Buffer, endStream: boolean): void {
    this.chain?.encoding.inject(this.chain.encodeIndex(this.index), bytes, endStream);
  }

  decoderBufferLimit(): number {
    return this.stream.decoderBufferLimit;
  }

  setDecoderBufferLimit(bytes: number): void {
    this.stream.decoderBufferLimit = bytes;
  }

  encoderBufferLimit(): number {
    return this.stream.encoderBufferLimit;
  }

  sendLocalReply(reply: LocalReply): void {
    this.stream.sendLocalReply(reply);
  }

  encodeInformational(headers: ResponseHeaderMap): void {
    this.stream.encodeInformational(headers);
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    this.stream.encodeHeaders(headers, endStream);
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    this.stream.encodeData(bytes, endStream);
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.stream.encodeTrailers(trailers);
  }

  recreateStream(response: ResponseHeaderMap, body: Buffer | null): boolean {
    return recreateStream(this.stream, response, body);
  }

  resetStream(): void {
    this.stream.reset();
  }

  requestReadDisable(disable: boolean): void {
    this.stream.requestReadDisable(disable);
  }

  responseReadDisable(disable: boolean): void {
    if (disable) this.stream.onAboveWriteBufferHighWatermark();
    else this.stream.onBelowWriteBufferLowWatermark();
  }

  addWatermarkListener(listener: WatermarkListener): void {
    this.stream.addWatermarkListener(listener);
  }
}
