/**
 * Finds out whether the client speaks TLS, to which server name and with which protocols.
 * Envoy: `envoy.filters.listener.tls_inspector`
 * (source/extensions/filters/listener/tls_inspector/tls_inspector.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  defineListenerFilter,
  type ListenerFilter,
  type ListenerFilterCallbacks,
  type ListenerFilterStatus,
  type ListenerFilterType,
} from "../../../network/listener-filter.ts";
import type { TlsInspector as Message } from "../../../proto/generated/envoy/extensions/filters/listener/tls_inspector/v3.ts";
import type { Counter } from "../../../stats/counter.ts";
import type { Histogram } from "../../../stats/histogram.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import { ClientHelloParser } from "./client-hello.ts";

const NAME = "envoy.filters.listener.tls_inspector";
const CLIENT_HELLO_MAX_BYTES = 16384;

interface Config {
  readonly maxClientHelloBytes: number;
  readonly closeOnParsingErrors: boolean;
}

class TlsInspectorStats {
  readonly clientHelloTooLarge: Counter;
  readonly tlsFound: Counter;
  readonly tlsNotFound: Counter;
  readonly alpnFound: Counter;
  readonly alpnNotFound: Counter;
  readonly sniFound: Counter;
  readonly sniNotFound: Counter;
  readonly bytesProcessed: Histogram;

  constructor(scope: StatsScope) {
    this.clientHelloTooLarge = scope.counter("client_hello_too_large");
    this.tlsFound = scope.counter("tls_found");
    this.tlsNotFound = scope.counter("tls_not_found");
    this.alpnFound = scope.counter("alpn_found");
    this.alpnNotFound = scope.counter("alpn_not_found");
    this.sniFound = scope.counter("sni_found");
    this.sniNotFound = scope.counter("sni_not_found");
    this.bytesProcessed = scope.histogram("bytes_processed", "bytes");
  }
}

export function tlsInspector(): ListenerFilterType {
  return defineListenerFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"],
    compile,
    createFactory: (config, { rootStats }) => {
      const scope = rootStats.scope("tls_inspector");
      const stats = new TlsInspectorStats(scope);
      const parser = new ClientHelloParser();
      return {
        create: () => new TlsInspectorFilter(config, stats, parser),
        close: () => scope.remove(),
      };
    },
  });
}

/** `initial_read_buffer_size` has nothing to do here: the peek buffer grows with what arrives. */
function compile(message: Message, context: CompileContext): Config {
  for (const [field, enabled] of [
    ["enable_ja3_fingerprinting", message.enableJa3Fingerprinting],
    ["enable_ja4_fingerprinting", message.enableJa4Fingerprinting],
  ] as const) {
    if (enabled === true) context.at(field).warn("TLS fingerprints are not computed");
  }
  return {
    maxClientHelloBytes: message.maxClientHelloSize ?? CLIENT_HELLO_MAX_BYTES,
    closeOnParsingErrors: message.closeConnectionOnClientHelloParsingErrors === true,
  };
}

class TlsInspectorFilter implements ListenerFilter {
  readonly maxReadBytes: number;
  private readonly config: Config;
  private readonly stats: TlsInspectorStats;
  private readonly parser: ClientHelloParser;
  private callbacks: ListenerFilterCallbacks | null = null;

  constructor(config: Config, stats: TlsInspectorStats, parser: ClientHelloParser) {
    this.config = config;
    this.stats = stats;
    this.parser = parser;
    this.maxReadBytes = config.maxClientHelloBytes;
  }

  onAccept(callbacks: ListenerFilterCallbacks): ListenerFilterStatus {
    this.callbacks = callbacks;
    return "need-more";
  }

  onData(bytes: Buffer): ListenerFilterStatus {
    const seen = bytes.subarray(0, this.maxReadBytes);
    const status = this.parser.parse(seen);
    if (status === "need-more" && seen.length < this.maxReadBytes) return "need-more";
    this.stats.bytesProcessed.record(seen.length);
    if (status === "need-more") {
      this.stats.clientHelloTooLarge.inc();
      this.noteFailure("ClientHelloTooLarge");
      return "close";
    }
    if (status === "hello") {
      this.found();
      return "continue";
    }
    if (this.config.closeOnParsingErrors) return "close";
    this.stats.tlsNotFound.inc();
    this.noteFailure("ClientHelloNotDetected");
    return "continue";
  }

  private found(): void {
    const { stats, parser, callbacks } = this;
    const { serverName, applicationProtocols } = parser;
    stats.tlsFound.inc();
    if (serverName === "") stats.sniNotFound.inc();
    else stats.sniFound.inc();
    if (applicationProtocols.length === 0) stats.alpnNotFound.inc();
    else stats.alpnFound.inc();
    if (callbacks === null) return;
    const info = callbacks.streamInfo.connection;
    info.transportProtocol = "tls";
    info.requestedServerName = serverName;
    info.applicationProtocols = applicationProtocols;
  }

  private noteFailure(reason: string): void {
    this.callbacks?.streamInfo.setMetadata(NAME, { failure_reason: reason });
  }
}
