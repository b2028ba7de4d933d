// hot: per request
/**
 * Walks one direction of an HTTP filter chain: who has seen headers, body and trailers, who
 * stopped, what is held meanwhile. Envoy: `FilterManager::decodeHeaders/encodeHeaders …`,
 * `ActiveStreamFilterBase::commonContinue` (source/common/http/filter_manager.cc). A chain of one
 * terminal filter needs none of this and gets none.
 */
import type { HeaderMap } from "../codec/header-map.ts";
import type { FilterStatus, HttpFilter } from "./http-filter.ts";

const EMPTY: Buffer = Buffer.alloc(0);
const NOBODY = -1;

/** What differs between the directions. */
export interface IterationDirection<Head extends HeaderMap> {
  headers(filter: HttpFilter, headers: Head, endStream: boolean): FilterStatus;
  data(filter: HttpFilter, bytes: Buffer, endStream: boolean): FilterStatus;
  trailers(filter: HttpFilter, trailers: HeaderMap): FilterStatus;
}

/** Who stands behind the last filter, and who hears of held bytes. */
export interface IterationOwner<Head extends HeaderMap> {
  finishHeaders(headers: Head, endStream: boolean): void;
  finishData(bytes: Buffer, endStream: boolean): void;
  finishTrailers(trailers: HeaderMap): void;
  /**
   * More body is held than the limit allows. `watermark`: the filter asked for push-back instead of
   * an error.
   */
  onBufferOverLimit(watermark: boolean): void;
  onBufferBelowLimit(): void;
  readonly bufferLimitBytes: number;
  /** The stream ended (local reply, reset): nothing more is passed on. */
  readonly stopped: boolean;
}

export class FilterIteration<Head extends HeaderMap> {
  private readonly filters: readonly HttpFilter[];
  private readonly direction: IterationDirection<Head>;
  private readonly owner: IterationOwner<Head>;
  private head: Head | null = null;
  private trailers: HeaderMap | null = null;
  /** Index of the filter that stopped, or NOBODY. */
  private stoppedAt: number = NOBODY;
  /** The stopped filter held the headers too. */
  private headersHeld = false;
  /** The stopped filter sees no body either until it continues. */
  private stoppedAll = false;
  private pushedBack = false;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private endHeld = false;
  private trailersHeld = false;

  constructor(
    filters: readonly HttpFilter[],
    direction: IterationDirection<Head>,
    owner: IterationOwner<Head>,
  ) {
    this.filters = filters;
    this.direction = direction;
    this.owner = owner;
  }

  /** Body held for the stopped filter, in one piece; null when none is held. */
  buffered(): Buffer | null {
    if (this.heldBytes === 0) return null;
    if (this.held.length > 1) this.held = [Buffer.concat(this.held)];
    return this.held[0] as Buffer;
  }

  startHeaders(headers: Head, endStream: boolean): void {
    this.head = headers;
    this.passHeaders(0, headers, endStream);
  }

  startData(bytes: Buffer, endStream: boolean): void {
    if (this.stoppedAt === NOBODY) this.passData(0, bytes, endStream);
    else this.dataWhileStopped(bytes, endStream);
  }

  startTrailers(trailers: HeaderMap): void {
    this.trailers = trailers;
    if (this.stoppedAt === NOBODY) this.passTrailers(0, trailers);
    else this.trailersWhileStopped(trailers);
  }

  /** Body bytes that the filter at `index` adds, for the filters after it. */
  inject(index: number, bytes: Buffer, endStream: boolean): void {
    if (this.stoppedAt > index || this.stoppedAt === NOBODY)
      this.passData(index + 1, bytes, endStream);
    else this.hold(bytes, endStream, false);
  }

  /** The filter at `index` goes on after it stopped; a filter that did not stop is ignored. */
  continueFrom(index: number): void {
    if (this.stoppedAt !== index || this.owner.stopped) return;
    this.release(index + 1);
  }

  private passHeaders(from: number, headers: Head, endStream: boolean): void {
    for (let index = from; index < this.filters.length; index++) {
      const status = this.direction.headers(this.filters[index] as HttpFilter, headers, endStream);
      if (this.owner.stopped) return;
      if (status === "continue") continue;
      this.stoppedAt = index;
      this.headersHeld = true;
      this.endHeld = endStream;
      this.stoppedAll = status !== "stop";
      return;
    }
    this.owner.finishHeaders(headers, endStream);
  }

  private passData(from: number, bytes: Buffer, endStream: boolean): void {
    for (let index = from; index < this.filters.length; index++) {
      const status = this.direction.data(this.filters[index] as HttpFilter, bytes, endStream);
      if (this.owner.stopped) return;
      if (status === "continue") continue;
      this.stoppedAt = index;
      this.stoppedAll = false;
      if (status === "stop") this.endHeld ||= endStream;
      else this.hold(bytes, endStream, status === "stop-and-watermark");
      return;
    }
    this.owner.finishData(bytes, endStream);
  }

  private passTrailers(from: number, trailers: HeaderMap): void {
    for (let index = from; index < this.filters.length; index++) {
      const status = this.direction.trailers(this.filters[index] as HttpFilter, trailers);
      if (this.owner.stopped) return;
      if (status === "continue") continue;
      this.stoppedAt = index;
      this.trailersHeld = true;
      return;
    }
    this.owner.finishTrailers(trailers);
  }

  private dataWhileStopped(bytes: Buffer, endStream: boolean): void {
    const index = this.stoppedAt;
    if (this.stoppedAll) {
      this.hold(bytes, endStream, true);
      return;
    }
    const status = this.direction.data(this.filters[index] as HttpFilter, bytes, endStream);
    if (this.owner.stopped) return;
    if (status === "continue") {
      if (bytes.length > 0 || endStream) this.hold(bytes, endStream, false);
      if (this.stoppedAt === index && !this.owner.stopped) this.release(index + 1);
    } else if (status === "stop") this.endHeld ||= endStream;
    else this.hold(bytes, endStream, status === "stop-and-watermark");
  }

  private trailersWhileStopped(trailers: HeaderMap): void {
    const index = this.stoppedAt;
    this.trailersHeld = true;
    if (this.stoppedAll) return;
    const status = this.direction.trailers(this.filters[index] as HttpFilter, trailers);
    if (!this.owner.stopped && status === "continue" && this.stoppedAt === index)
      this.release(index + 1);
  }

  private hold(bytes: Buffer, endStream: boolean, watermark: boolean): void {
    if (bytes.length > 0) this.held.push(Buffer.from(bytes));
    this.heldBytes += bytes.length;
    this.endHeld ||= endStream;
    const limit = this.owner.bufferLimitBytes;
    if (limit === 0 || this.heldBytes <= limit || this.pushedBack) return;
    this.pushedBack = watermark;
    this.owner.onBufferOverLimit(watermark);
  }

  /** Passes on what was held, to the filters from `next` on. */
  private release(next: number): void {
    const { headersHeld, endHeld, trailersHeld } = this;
    const data = this.buffered();
    const sawAll = this.stoppedAll;
    this.clear();
    if (headersHeld)
      this.passHeaders(next, this.head as Head, endHeld && data === null && !trailersHeld);
    if (this.owner.stopped) return;
    // A filter that stopped everything has not seen the body yet: it starts there, not behind it.
    const bodyFrom = sawAll ? next - 1 : next;
    if (data !== null) this.passOrHold(bodyFrom, data, endHeld && !trailersHeld);
    else if (endHeld && !headersHeld && !trailersHeld) this.passOrHold(bodyFrom, EMPTY, true);
    if (trailersHeld && !this.owner.stopped) this.passTrailersOrHold(bodyFrom);
  }

  private passOrHold(from: number, bytes: Buffer, endStream: boolean): void {
    if (this.stoppedAt === NOBODY) this.passData(from, bytes, endStream);
    else this.dataWhileStopped(bytes, endStream);
  }

  private passTrailersOrHold(from: number): void {
    const trailers = this.trailers as HeaderMap;
    if (this.stoppedAt === NOBODY) this.passTrailers(from, trailers);
    else this.trailersWhileStopped(trailers);
  }

  private clear(): void {
    this.stoppedAt = NOBODY;
    this.headersHeld = false;
    this.stoppedAll = false;
    this.held = [];
    this.heldBytes = 0;
    this.endHeld = false;
    this.trailersHeld = false;
    if (!this.pushedBack) return;
    this.pushedBack = false;
    this.owner.onBufferBelowLimit();
  }
}
