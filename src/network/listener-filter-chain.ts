// hot: per connection
/**
 * Runs the listener filters of one accepted socket: order, peeked bytes, time limit.
 * Envoy: `ActiveTcpSocket` (source/common/listener_manager/active_tcp_socket.cc),
 * `ListenerFilterBufferImpl`.
 */
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Socket, SocketError, SocketEvents } from "../platform/sockets.ts";
import type { Timer, TimerOwner } from "../platform/time.ts";
import type { ListenerStats } from "../stats/groups/listener-stats.ts";
import type {
  ListenerFilter,
  ListenerFilterCallbacks,
  ListenerFilterFactory,
  ListenerFilterStatus,
} from "./listener-filter.ts";
import type { FilterDisabled } from "./listener-filter-config.ts";
import type { StreamInfo } from "./stream-info.ts";

/** A filter of a running listener. */
export interface ListenerFilterEntry {
  readonly factory: ListenerFilterFactory;
  readonly disabled: FilterDisabled | null;
}

/** The listener, as its sockets in the filter phase see it. */
export interface ListenerFilterOwner {
  readonly dispatcher: Dispatcher;
  readonly stats: ListenerStats;
  readonly filters: readonly ListenerFilterEntry[];
  /** 0 = no limit. */
  readonly filtersTimeoutMs: number;
  readonly continueOnTimeout: boolean;
  /** All filters are content (or the time is over and that is allowed): the socket may go on. */
  onFiltersDone(chain: ListenerFilterChain): void;
  /** The socket is closed; nothing follows. */
  onFiltersFailed(chain: ListenerFilterChain): void;
}

const RUNNING = 0;
const DONE = 1;

export class ListenerFilterChain implements SocketEvents, ListenerFilterCallbacks, TimerOwner {
  readonly socket: Socket;
  readonly streamInfo: StreamInfo;
  /** Bytes read and not consumed; null when there are none. */
  peeked: Buffer | null;
  private readonly owner: ListenerFilterOwner;
  private index = 0;
  private filter: ListenerFilter | null = null;
  private timer: Timer | null = null;
  private state: number = RUNNING;

  constructor(
    owner: ListenerFilterOwner,
    socket: Socket,
    streamInfo: StreamInfo,
    peeked: Buffer | null,
  ) {
    this.owner = owner;
    this.socket = socket;
    this.streamInfo = streamInfo;
    this.peeked = peeked;
    socket.events = this;
  }

  /** Runs until a filter needs more bytes. */
  start(): void {
    this.owner.stats.downstreamPreCxActive.inc();
    this.advance();
    if (this.state !== RUNNING) return;
    const { filtersTimeoutMs, dispatcher } = this.owner;
    if (filtersTimeoutMs > 0) {
      this.timer = dispatcher.create(this, 0);
      this.timer.arm(filtersTimeoutMs);
    }
    this.socket.resume();
  }

  consume(length: number): void {
    const { peeked } = this;
    if (peeked === null) return;
    this.peeked = length >= peeked.length ? null : peeked.subarray(length);
  }

  /** Ends the phase from outside: the listener goes away. */
  abort(): void {
    if (this.state === RUNNING) this.fail();
  }

  onBytes(buffer: Buffer, length: number): void {
    const { dispatcher } = this.owner;
    dispatcher.begin();
    try {
      this.onPeek(buffer, length);
    } catch (error) {
      dispatcher.onBug(error);
      this.abort();
    } finally {
      dispatcher.end();
    }
  }

  onEnd(): void {
    this.onRemoteClose();
  }

  onClose(error: SocketError | null): void {
    if (this.state !== RUNNING) return;
    if (error === null) {
      this.onRemoteClose();
      return;
    }
    this.owner.stats.downstreamListenerFilterError.inc();
    this.failInEvent();
  }

  onConnect(): void {}

  onDrain(): void {}

  /** `listener_filters_timeout` is over. */
  onTimer(): void {
    if (this.state !== RUNNING) return;
    this.owner.stats.downstreamPreCxTimeout.inc();
    if (this.owner.continueOnTimeout) {
      this.socket.pause();
      this.finish();
      this.owner.onFiltersDone(this);
    } else {
      this.fail();
    }
  }

  private onPeek(buffer: Buffer, length: number): void {
    if (this.state !== RUNNING) return;
    const { peeked } = this;
    const view = buffer.subarray(0, length);
    this.peeked = peeked === null ? Buffer.from(view) : Buffer.concat([peeked, view]);
    this.apply(this.offer());
    if (this.state === RUNNING) this.advance();
  }

  /** Shows the current filter what is there. */
  private offer(): ListenerFilterStatus {
    const { filter, peeked } = this;
    if (filter === null || filter.onData === undefined) return "continue";
    if (peeked === null) return "need-more";
    const status = filter.onData(peeked);
    // A filter that does not decide within its limit must not make the proxy hold more.
    return status === "need-more" && peeked.length >= filter.maxReadBytes ? "close" : status;
  }

  private apply(status: ListenerFilterStatus): void {
    if (status === "need-more") return;
    if (status === "close") {
      this.fail();
      return;
    }
    this.dropFilter();
    this.index++;
  }

  private advance(): void {
    const { filters } = this.owner;
    while (this.state === RUNNING && this.filter === null) {
      const entry = filters[this.index];
      if (entry === undefined) {
        this.socket.pause();
        this.finish();
        this.owner.onFiltersDone(this);
        return;
      }
      if (entry.disabled?.(this.streamInfo.connection.directLocalAddress) === true) this.index++;
      else this.enter(entry);
    }
  }

  private enter(entry: ListenerFilterEntry): void {
    const filter = entry.factory.create();
    this.filter = filter;
    const status = filter.onAccept(this);
    this.apply(status === "need-more" && this.peeked !== null ? this.offer() : status);
  }

  private onRemoteClose(): void {
    if (this.state !== RUNNING) return;
    this.owner.stats.downstreamListenerFilterRemoteClose.inc();
    this.failInEvent();
  }

  private failInEvent(): void {
    const { dispatcher } = this.owner;
    dispatcher.begin();
    try {
      this.fail();
    } catch (error) {
      dispatcher.onBug(error);
    } finally {
      dispatcher.end();
    }
  }

  private fail(): void {
    this.finish();
    this.socket.destroy();
    this.owner.onFiltersFailed(this);
  }

  private finish(): void {
    this.state = DONE;
    this.dropFilter();
    this.timer?.close();
    this.timer = null;
    this.owner.stats.downstreamPreCxActive.dec();
  }

  private dropFilter(): void {
    const { filter } = this;
    this.filter = null;
    filter?.onDestroy?.();
  }
}
