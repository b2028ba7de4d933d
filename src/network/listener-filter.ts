/**
 * A step that looks at an accepted socket before it has a filter chain: where it wanted to go, its
 * first bytes. Envoy: `Network::ListenerFilter`, `ListenerFilterCallbacks`
 * (envoy/network/filter.h). Bytes are peeked; only proxy_protocol consumes.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { Socket } from "../platform/sockets.ts";
import type { StatsScope } from "../stats/stats-scope.ts";
import type { ListenerFacts } from "./network-filter.ts";
import type { StreamInfo } from "./stream-info.ts";

/** `need-more` waits for bytes; `close` ends the connection without an answer. */
export type ListenerFilterStatus = "continue" | "need-more" | "close";

/** One instance per accepted socket. */
export interface ListenerFilter {
  /** The filter must decide when it has seen this many bytes; 0 when it reads none. */
  readonly maxReadBytes: number;
  /** Once, in order of configuration, when all filters before it continued. */
  onAccept(callbacks: ListenerFilterCallbacks): ListenerFilterStatus;
  /**
   * After `need-more`: everything peeked so far, each time from the first byte not consumed. Owned
   * by the chain.
   */
  onData?(bytes: Buffer): ListenerFilterStatus;
  /** The filter is no longer needed; always called exactly once. */
  onDestroy?(): void;
}

/** What a listener filter may read and change. */
export interface ListenerFilterCallbacks {
  readonly socket: Socket;
  /** `streamInfo.connection` holds the addresses and what inspectors find. */
  readonly streamInfo: StreamInfo;
  /**
   * Removes bytes from the front of what later filters and the connection will see. Call it inside
   * `onData`.
   */
  consume(length: number): void;
}

export interface ListenerFilterFactory {
  create(): ListenerFilter;
  /** The listener is gone for good. */
  close?(): void;
}

/** What a listener filter gets for one listener on one data plane. */
export interface ListenerFilterContext {
  readonly listener: ListenerFacts;
  readonly dispatcher: Dispatcher;
  /** The scope of the whole data plane: most listener filters have a stats root of their own. */
  readonly rootStats: StatsScope;
}

/** One entry of the listener filter catalogue, type parameters erased by `defineListenerFilter`. */
export interface ListenerFilterType {
  /** Canonical name, `envoy.filters.listener.tls_inspector`. */
  readonly name: string;
  /** Full message names accepted in typed_config. */
  readonly messages: readonly string[];
  compile(message: object, context: CompileContext): object | null;
  createFactory(config: object, context: ListenerFilterContext): ListenerFilterFactory;
}

/** A `ListenerFilterType` with its types still visible. */
export interface ListenerFilterDefinition<Message, Config> {
  readonly name: string;
  readonly messages: readonly string[];
  compile(message: Message, context: CompileContext): Config | null;
  createFactory(config: Config, context: ListenerFilterContext): ListenerFilterFactory;
}

/** Checks the type parameters once and erases them for the catalogue. */
export function defineListenerFilter<Message extends object, Config extends object>(
  definition: ListenerFilterDefinition<Message, Config>,
): ListenerFilterType {
  return definition as unknown as ListenerFilterType;
}
