// hot: per request
/**
 * Walks one direction of an HTTP filter chain: who has seen headers, body and trailers, who
 * stopped, what is held meanwhile. Several filters may have stopped at different points; each keeps
 * what the ones behind it have not seen. Envoy: `FilterManager::decodeHeaders/encodeHeaders …`,
 * `ActiveStreamFilterBase::commonContinue` (source/common/http/filter_manager.cc). A chain of one
 * terminal filter needs none of this and gets none.
 */
import type { HeaderMap } from "../codec/header-map.ts";
import type { FilterStatus, HttpFilter } from "./http-filter.ts";

const EMPTY: Buffer = Buffer.alloc(0);

/** What differs between the directions. */
export interface IterationDirection<Head extends HeaderMap> {
  /** The last filter of the chain is the end of the way. */
  readonly terminal: boolean;
  headers(filter: HttpFilter, headers: Head, endStream: boolean): FilterStatus;
  data(filter: HttpFilter, bytes: Buffer, endStream: boolean): FilterStatus;
  trailers(filter: HttpFilter, trailers: HeaderMap): FilterStatus;
}

/** What a filter that stopped keeps back. */
class Stop {
  /** It sees no body either until it continues. */
  readonly all: boolean;
  headersHeld = false;
  readonly held: Buffer[] = [];
  heldBytes = 0;
  endHeld = false;
  trailersHeld = false;
  pushedBack = false;

  constructor(all: boolean) {
    this.all = all;
  }
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
  /** By filter; null where none stopped. The list exists from the first stop on. */
  private stops: (Stop | null)[] | null = null;

  constructor(
    filters: readonly HttpFilter[],
    direction: IterationDirection<Head>,
    owner: IterationOwner<Head>,
  ) {
    this.filters = filters;
    this.direction = direction;
    this.owner = owner;
  }

  /** Body held for the filter at `index`, in one piece; null when none is held. */
  buffered(index: number): Buffer | null {
    const stop = this.stopAt(index);
    return stop === null ? null : pieces(stop);
  }

  startHeaders(headers: Head, endStream: boolean): void {
    this.head = headers;
    this.passHeaders(0, headers, endStream);
  }

  startData(bytes: Buffer, endStream: boolean): void {
    this.passData(0, bytes, endStream);
  }

  startTrailers(trailers: HeaderMap): void {
    this.trailers = trailers;
    this.passTrailers(0, trailers);
  }

  /**
   * Body bytes that the filter at `index` adds, for the filters after it. They wait with the head
   * or the body that it holds, if it holds any.
   */
  inject(index: number, bytes: Buffer, endStream: boolean): void {
    const stop = this.stopAt(index);
    const waits = stop !== null && (stop.headersHeld || stop.heldBytes > 0);
    if (waits) this.hold(stop, bytes, endStream, false);
    else this.passData(index + 1, bytes, endStream);
  }

  /** The filter at `index` goes on after it stopped; a filter that did not stop is ignored. */
  continueFrom(index: number): void {
    const stop = this.stopAt(index);
    if (stop === null || this.owner.stopped) return;
    (this.stops as (Stop | null)[])[index] = null;
    this.release(index, stop);
  }

  private passHeaders(from: number, headers: Head, endStream: boolean): void {
    for (let index = from; index < this.filters.length; index++) {
      const status = this.direction.headers(this.filters[index] as HttpFilter, headers, endStream);
      if (this.owner.stopped) return;
      if (status === "continue") continue;
      if (this.isTerminal(index)) return;
      const stop = this.stop(index, status !== "stop");
      stop.headersHeld = true;
      stop.endHeld = endStream;
      return;
    }
    this.owner.finishHeaders(headers, endStream);
  }

  private passData(from: number, bytes: Buffer, endStream: boolean): void {
    for (let index = from; index < this.filters.length; index++) {
      const before = this.stopAt(index);
      if (before?.all === true) {
        this.hold(before, bytes, endStream, true);
        return;
      }
      const status = this.direction.data(this.filters[index] as HttpFilter, bytes, endStream);
      if (this.owner.stopped) return;
      // It may have continued meanwhile.
      const stop = before === null ? null : this.stopAt(index);
      if (status === "continue" && stop === null) continue;
      if (status !== "continue" && this.isTerminal(index)) return;
      this.dataStopped(index, stop, status, bytes, endStream);
      return;
    }
    this.owner.finishData(bytes, endStream);
  }

  /** The filter at `index` has stopped, at this data or before it. */
  private dataStopped(
    index: number,
    before: Stop | null,
    status: FilterStatus,
    bytes: Buffer,
    endStream: boolean,
  ): void {
    const stop = before ?? this.stop(index, false);
    if (status === "stop") stop.endHeld ||= endStream;
    else this.hold(stop, bytes, endStream, status === "stop-and-watermark");
    if (status === "continue") this.continueFrom(index);
  }

  private passTrailers(from: number, trailers: HeaderMap): void {
    for (let index = from; index < this.filters.length; index++) {
      const before = this.stopAt(index);
      if (before?.all === true) {
        before.trailersHeld = true;
        return;
      }
      const status = this.direction.trailers(this.filters[index] as HttpFilter, trailers);
      if (this.owner.stopped) return;
      const stop = before === null ? null : this.stopAt(index);
      if (status === "continue" && stop === null) continue;
      if (status !== "continue" && this.isTerminal(index)) return;
      (stop ?? this.stop(index, false)).trailersHeld = true;
      if (status === "continue") this.continueFrom(index);
      return;
    }
    this.owner.finishTrailers(trailers);
  }

  /** The terminal filter takes everything: its "stop" holds nothing back. */
  private isTerminal(index: number): boolean {
    return this.direction.terminal && index === this.filters.length - 1;
  }

  private stopAt(index: number): Stop | null {
    return this.stops === null ? null : (this.stops[index] ?? null);
  }

  private stop(index: number, all: boolean): Stop {
    const stop = new Stop(all);
    this.stops ??= this.filters.map(() => null);
    this.stops[index] = stop;
    return stop;
  }

  private hold(stop: Stop, bytes: Buffer, endStream: boolean, watermark: boolean): void {
    if (bytes.length > 0) stop.held.push(Buffer.from(bytes));
    stop.heldBytes += bytes.length;
    stop.endHeld ||= endStream;
    const limit = this.owner.bufferLimitBytes;
    if (limit === 0 || stop.heldBytes <= limit || stop.pushedBack) return;
    stop.pushedBack = watermark;
    this.owner.onBufferOverLimit(watermark);
  }

  /** Passes on what the filter at `index` kept back. */
  private release(index: number, stop: Stop): void {
    if (stop.pushedBack) this.owner.onBufferBelowLimit();
    const data = pieces(stop);
    const { headersHeld, endHeld, trailersHeld } = stop;
    const next = index + 1;
    if (headersHeld) {
      this.passHeaders(next, this.head as Head, endHeld && data === null && !trailersHeld);
    }
    if (this.owner.stopped) return;
    // A filter that stopped everything has not seen the body yet: it starts there, not behind it.
    const bodyFrom = stop.all ? index : next;
    if (data !== null) this.passData(bodyFrom, data, endHeld && !trailersHeld);
    else if (endHeld && !headersHeld && !trailersHeld) this.passData(bodyFrom, EMPTY, true);
    if (trailersHeld && !this.owner.stopped) {
      this.passTrailers(bodyFrom, this.trailers as HeaderMap);
    }
  }
}

function pieces(stop: Stop): Buffer | null {
  if (stop.heldBytes === 0) return null;
  if (stop.held.length > 1) {
    const whole = Buffer.concat(stop.held);
    stop.held.length = 0;
    stop.held.push(whole);
  }
  return stop.held[0] as Buffer;
}
