/**
 * Finds out whether a plaintext client speaks HTTP, and which version.
 * Envoy: `envoy.filters.listener.http_inspector`
 * (source/extensions/filters/listener/http_inspector/http_inspector.cc).
 */
import {
  defineListenerFilter,
  type ListenerFilter,
  type ListenerFilterCallbacks,
  type ListenerFilterStatus,
  type ListenerFilterType,
} from "../../../network/listener-filter.ts";
import type { HttpInspector as Message } from "../../../proto/generated/envoy/extensions/filters/listener/http_inspector/v3.ts";
import type { Counter } from "../../../stats/counter.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import { detectHttp } from "./request-line.ts";

const NAME = "envoy.filters.listener.http_inspector";
const READ_MAX_BYTES = 65536;

class HttpInspectorStats {
  readonly readError: Counter;
  readonly http10Found: Counter;
  readonly http11Found: Counter;
  readonly http2Found: Counter;
  readonly httpNotFound: Counter;

  constructor(scope: StatsScope) {
    this.readError = scope.counter("read_error");
    this.http10Found = scope.counter("http10_found");
    this.http11Found = scope.counter("http11_found");
    this.http2Found = scope.counter("http2_found");
    this.httpNotFound = scope.counter("http_not_found");
  }
}

export function httpInspector(): ListenerFilterType {
  return defineListenerFilter<Message, object>({
    name: NAME,
    messages: ["envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"],
    compile: () => ({}),
    createFactory: (_config, { rootStats }) => {
      const scope = rootStats.scope("http_inspector");
      const stats = new HttpInspectorStats(scope);
      return { create: () => new HttpInspectorFilter(stats), close: () => scope.remove() };
    },
  });
}

class HttpInspectorFilter implements ListenerFilter {
  readonly maxReadBytes: number = READ_MAX_BYTES;
  private readonly stats: HttpInspectorStats;
  private callbacks: ListenerFilterCallbacks | null = null;

  constructor(stats: HttpInspectorStats) {
    this.stats = stats;
  }

  onAccept(callbacks: ListenerFilterCallbacks): ListenerFilterStatus {
    this.callbacks = callbacks;
    const { transportProtocol } = callbacks.streamInfo.connection;
    const plain = transportProtocol === "" || transportProtocol === "raw_buffer";
    return plain ? "need-more" : "continue";
  }

  onData(bytes: Buffer): ListenerFilterStatus {
    const { stats } = this;
    switch (detectHttp(bytes)) {
      case "need-more":
        if (bytes.length < READ_MAX_BYTES) return "need-more";
        stats.readError.inc();
        return "close";
      case "not-http":
        stats.httpNotFound.inc();
        return "continue";
      case "HTTP/1.0":
        stats.http10Found.inc();
        return this.found("http/1.0");
      case "HTTP/1.1":
        stats.http11Found.inc();
        return this.found("http/1.1");
      case "HTTP/2":
        stats.http2Found.inc();
        return this.found("h2c");
    }
  }

  private found(protocol: string): ListenerFilterStatus {
    const { callbacks } = this;
    if (callbacks !== null) callbacks.streamInfo.connection.applicationProtocols = [protocol];
    return "continue";
  }
}
