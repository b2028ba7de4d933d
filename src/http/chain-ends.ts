/** Who stands behind the last filter of each direction. */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { ActiveStream } from "./active-stream.ts";
import type { IterationOwner } from "./filter-iteration.ts";

/** Behind the router there is nothing: it takes everything. */
export class DecodeEnd implements IterationOwner<RequestHeaderMap> {
  private readonly stream: ActiveStream;

  constructor(stream: ActiveStream) {
    this.stream = stream;
  }

  get bufferLimitBytes(): number {
    return this.stream.decoderBufferLimit;
  }

  get stopped(): boolean {
    return this.stream.decodingStopped;
  }

  finishHeaders(): void {
    // The terminal filter never lets headers through.
  }

  finishData(): void {
    // Nor data.
  }

  finishTrailers(): void {
    // Nor trailers.
  }

  onBufferOverLimit(watermark: boolean): void {
    if (watermark) this.stream.requestReadDisable(true);
    else this.stream.refuseLargeRequest();
  }

  onBufferBelowLimit(): void {
    this.stream.requestReadDisable(false);
  }
}

/** Behind the first filter's encode callbacks stands the codec. */
export class EncodeEnd implements IterationOwner<ResponseHeaderMap> {
  private readonly stream: ActiveStream;

  constructor(stream: ActiveStream) {
    this.stream = stream;
  }

  get bufferLimitBytes(): number {
    return this.stream.encoderBufferLimit;
  }

  get stopped(): boolean {
    return this.stream.ended;
  }

  finishHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    this.stream.finishHeaders(headers, endStream);
  }

  finishData(bytes: Buffer, endStream: boolean): void {
    this.stream.finishData(bytes, endStream);
  }

  finishTrailers(trailers: HeaderMap): void {
    this.stream.finishTrailers(trailers);
  }

  onBufferOverLimit(watermark: boolean): void {
    if (watermark) this.stream.onAboveWriteBufferHighWatermark();
    else this.stream.refuseLargeResponse();
  }

  onBufferBelowLimit(): void {
    this.stream.onBelowWriteBufferLowWatermark();
  }
}
