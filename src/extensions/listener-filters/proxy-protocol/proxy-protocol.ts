/**
 * Takes the client's address from a PROXY protocol header in front of the connection.
 * Envoy: `envoy.filters.listener.proxy_protocol`
 * (source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  defineListenerFilter,
  type ListenerFilter,
  type ListenerFilterCallbacks,
  type ListenerFilterStatus,
  type ListenerFilterType,
} from "../../../network/listener-filter.ts";
import type { ProxyProtocol as Message } from "../../../proto/generated/envoy/extensions/filters/listener/proxy_protocol/v3.ts";
import type { Counter } from "../../../stats/counter.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import {
  PROXY_HEADER_MAX_BYTES,
  type ProxyHeader,
  type ProxyTlv,
  parseProxyHeader,
} from "./header.ts";

const NAME = "envoy.filters.listener.proxy_protocol";
/** Where TLVs go with `tlv_location: FILTER_STATE`. */
const TLV_FILTER_STATE = "envoy.network.proxy_protocol.tlv";

interface TlvRule {
  readonly namespace: string;
  readonly key: string;
}

interface Config {
  readonly statPrefix: string;
  readonly allowWithout: boolean;
  readonly disallowed: readonly (1 | 2)[];
  readonly rules: ReadonlyMap<number, TlvRule>;
  readonly intoFilterState: boolean;
}

class VersionStats {
  readonly found: Counter;
  readonly disallowed: Counter;
  readonly error: Counter;

  constructor(scope: StatsScope) {
    this.found = scope.counter("found");
    this.disallowed = scope.counter("disallowed");
    this.error = scope.counter("error");
  }
}

class ProxyProtocolStats {
  readonly v1: VersionStats;
  readonly v2: VersionStats;
  readonly notFoundAllowed: Counter;
  readonly notFoundDisallowed: Counter;

  constructor(scope: StatsScope) {
    this.v1 = new VersionStats(scope.scope("versions.v1"));
    this.v2 = new VersionStats(scope.scope("versions.v2"));
    this.notFoundAllowed = scope.counter("not_found_allowed");
    this.notFoundDisallowed = scope.counter("not_found_disallowed");
  }

  version(version: 1 | 2): VersionStats {
    return version === 1 ? this.v1 : this.v2;
  }
}

export function proxyProtocol(): ListenerFilterType {
  return defineListenerFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"],
    compile,
    createFactory: (config, { rootStats }) => {
      const root = rootStats.scope("proxy_proto");
      const scope = config.statPrefix === "" ? root : root.scope(config.statPrefix);
      const stats = new ProxyProtocolStats(scope);
      return { create: () => new ProxyProtocolFilter(config, stats), close: () => root.remove() };
    },
  });
}

function compile(message: Message, context: CompileContext): Config {
  if (message.passThroughTlvs !== undefined) {
    context
      .at("pass_through_tlvs")
      .warn("TLVs are not passed on: PROXY protocol to upstreams is not supported yet");
  }
  const rules = new Map<number, TlvRule>();
  for (const { tlvType = 0, onTlvPresent = {} } of message.rules ?? []) {
    rules.set(tlvType, {
      namespace: onTlvPresent.metadataNamespace || NAME,
      key: onTlvPresent.key ?? "",
    });
  }
  return {
    statPrefix: message.statPrefix ?? "",
    allowWithout: message.allowRequestsWithoutProxyProtocol === true,
    disallowed: (message.disallowedVersions ?? []).map((version) => (version === "V2" ? 2 : 1)),
    rules,
    intoFilterState: message.tlvLocation === "FILTER_STATE",
  };
}

class ProxyProtocolFilter implements ListenerFilter {
  readonly maxReadBytes: number = PROXY_HEADER_MAX_BYTES;
  private readonly config: Config;
  private readonly stats: ProxyProtocolStats;
  private callbacks: ListenerFilterCallbacks | null = null;

  constructor(config: Config, stats: ProxyProtocolStats) {
    this.config = config;
    this.stats = stats;
  }

  onAccept(callbacks: ListenerFilterCallbacks): ListenerFilterStatus {
    this.callbacks = callbacks;
    return "need-more";
  }

  onData(bytes: Buffer): ListenerFilterStatus {
    const result = parseProxyHeader(bytes);
    switch (result.kind) {
      case "need-more":
        return "need-more";
      case "none":
        return this.notFound();
      case "error":
        this.stats.version(result.version).error.inc();
        return "close";
      case "header":
        return this.take(result.header);
    }
  }

  private notFound(): ListenerFilterStatus {
    if (this.config.allowWithout) {
      this.stats.notFoundAllowed.inc();
      return "continue";
    }
    this.stats.notFoundDisallowed.inc();
    return "close";
  }

  private take(header: ProxyHeader): ListenerFilterStatus {
    const { config, callbacks } = this;
    const stats = this.stats.version(header.version);
    stats.found.inc();
    if (config.disallowed.includes(header.version)) {
      stats.disallowed.inc();
      return "close";
    }
    if (callbacks === null) return "close";
    callbacks.consume(header.length);
    setAddresses(header, callbacks);
    this.storeTlvs(header.tlvs, callbacks);
    return "continue";
  }

  private storeTlvs(tlvs: readonly ProxyTlv[], { streamInfo }: ListenerFilterCallbacks): void {
    const stored = new Map<string, string>();
    for (const { type, value } of tlvs) {
      const rule = this.config.rules.get(type);
      if (rule === undefined) continue;
      const text = value.toString("utf8");
      if (this.config.intoFilterState) stored.set(rule.key, text);
      else streamInfo.setMetadata(rule.namespace, { [rule.key]: text });
    }
    if (stored.size === 0) return;
    streamInfo.setFilterState(TLV_FILTER_STATE, {
      serializeAsString: () => JSON.stringify(Object.fromEntries(stored)),
      field: (name) => stored.get(name),
    });
  }
}

function setAddresses({ addresses }: ProxyHeader, { streamInfo }: ListenerFilterCallbacks): void {
  if (addresses === null) return;
  const info = streamInfo.connection;
  const { ip, port } = info.localAddress;
  if (addresses.destination.ip !== ip || addresses.destination.port !== port) {
    info.localAddress = addresses.destination;
    info.localAddressRestored = true;
  }
  info.remoteAddress = addresses.source;
}
