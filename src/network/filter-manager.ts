// hot: per chunk
/**
 * Runs the network filters of one connection in order. A connection with a single filter does
 * without it. Envoy: `Network::FilterManagerImpl` (source/common/network/filter_manager_impl.cc):
 * what a stopped filter was given stays and is offered again, from the first filter, together with
 * what comes next.
 */
import type { SocketError } from "../platform/sockets.ts";
import type { Connection, ConnectionCloseSource } from "./connection.ts";
import type {
  NetworkFilter,
  NetworkFilterCallbacks,
  NetworkFilterFactory,
  NetworkFilterStatus,
} from "./network-filter.ts";
import type { StreamInfo } from "./stream-info.ts";

const EMPTY: Buffer = Buffer.alloc(0);

/** One filter's place in the chain. */
class FilterPosition implements NetworkFilterCallbacks {
  readonly connection: Connection;
  readonly streamInfo: StreamInfo;
  private readonly manager: FilterManager;
  private readonly index: number;

  constructor(manager: FilterManager, outer: NetworkFilterCallbacks, index: number) {
    this.connection = outer.connection;
    this.streamInfo = outer.streamInfo;
    this.manager = manager;
    this.index = index;
  }

  continueReading(): void {
    this.manager.continueAfter(this.index);
  }
}

export class FilterManager implements NetworkFilter {
  private readonly connection: Connection;
  private readonly bufferLimitBytes: number;
  private readonly filters: NetworkFilter[] = [];
  /** Filters before this one have seen the new connection. */
  private initialized = 0;
  private held: Buffer = EMPTY;
  private heldEnd = false;
  private holding = false;
  private readStopped = false;
  private closed = false;

  constructor(
    factories: readonly NetworkFilterFactory[],
    callbacks: NetworkFilterCallbacks,
    bufferLimitBytes: number,
  ) {
    this.connection = callbacks.connection;
    this.bufferLimitBytes = bufferLimitBytes;
    for (let index = 0; index < factories.length; index++) {
      const factory = factories[index] as NetworkFilterFactory;
      this.filters.push(factory.create(new FilterPosition(this, callbacks, index)));
    }
  }

  onNewConnection(): NetworkFilterStatus {
    this.iterate(0, EMPTY, false);
    return "continue";
  }

  onData(bytes: Buffer, endStream: boolean): NetworkFilterStatus {
    if (this.holding) {
      const all = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
      this.iterate(0, all, endStream || this.heldEnd);
    } else {
      this.iterate(0, bytes, endStream);
    }
    return "continue";
  }

  onConnectionClose(source: ConnectionCloseSource, error: SocketError | null): void {
    this.closed = true;
    for (let index = 0; index < this.filters.length; index++) {
      this.filters[index]?.onConnectionClose?.(source, error);
    }
  }

  onAboveWriteBufferHighWatermark(): void {
    for (let index = 0; index < this.filters.length; index++) {
      this.filters[index]?.onAboveWriteBufferHighWatermark?.();
    }
  }

  onBelowWriteBufferLowWatermark(): void {
    for (let index = 0; index < this.filters.length; index++) {
      this.filters[index]?.onBelowWriteBufferLowWatermark?.();
    }
  }

  onWriteBufferDrained(): void {
    for (let index = 0; index < this.filters.length; index++) {
      this.filters[index]?.onWriteBufferDrained?.();
    }
  }

  closeIfQuiet(sinceMs: number): void {
    this.filters[this.filters.length - 1]?.closeIfQuiet?.(sinceMs);
  }

  onDestroy(): void {
    for (let index = 0; index < this.filters.length; index++) this.filters[index]?.onDestroy?.();
  }

  /** @internal A filter that had stopped goes on: the filters after it see what was held. */
  continueAfter(index: number): void {
    if (this.closed) return;
    const bytes = this.held;
    const endStream = this.heldEnd;
    this.letGo();
    this.iterate(index + 1, bytes, endStream);
  }

  private iterate(from: number, bytes: Buffer, endStream: boolean): void {
    const last = this.filters.length - 1;
    for (let index = from; index <= last; index++) {
      if (this.closed) return;
      const filter = this.filters[index] as NetworkFilter;
      if (!this.begin(index, filter)) {
        this.hold(bytes, endStream);
        return;
      }
      if (bytes.length === 0 && !endStream) continue;
      if (this.closed || filter.onData === undefined) continue;
      // The last filter consumes everything, whatever it answers.
      if (filter.onData(bytes, endStream) === "stop" && index < last) {
        this.hold(bytes, endStream);
        return;
      }
    }
    this.letGo();
  }

  /** False when the filter stops at the new connection. */
  private begin(index: number, filter: NetworkFilter): boolean {
    if (index < this.initialized) return true;
    this.initialized = index + 1;
    return filter.onNewConnection?.() !== "stop" || index === this.filters.length - 1;
  }

  /** Keeps a copy: the bytes are borrowed. The sender is stopped once the limit is reached. */
  private hold(bytes: Buffer, endStream: boolean): void {
    if (this.closed || (bytes.length === 0 && !endStream)) return;
    this.holding = true;
    if (bytes !== this.held) this.held = Buffer.from(bytes);
    this.heldEnd = endStream;
    if (this.readStopped || this.held.length < this.bufferLimitBytes) return;
    this.readStopped = true;
    this.connection.readDisable(true);
  }

  private letGo(): void {
    if (!this.holding) return;
    this.holding = false;
    this.held = EMPTY;
    this.heldEnd = false;
    if (!this.readStopped) return;
    this.readStopped = false;
    this.connection.readDisable(false);
  }
}
