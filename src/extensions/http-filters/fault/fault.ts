// hot: per request
/**
 * Delays requests, answers them with errors, or slows their responses down, to see what clients
 * make of it. Envoy: `envoy.filters.http.fault` (source/extensions/filters/http/fault). Differs
 * from Envoy: max_active_faults is exact.
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { HTTPFault } from "../../../proto/generated/envoy/extensions/filters/http/fault/v3.ts";
import { matchHeaders } from "../../../route/header-matcher.ts";
import type { Counter } from "../../../stats/counter.ts";
import { createFaultStats, type FaultStats } from "../../../stats/groups/fault-stats.ts";
import type { StatsScope } from "../../../stats/stats-scope.ts";
import type { LimiterSlots, SharedCount } from "../../../upstream/limiter-slots.ts";
import type { RuntimeDraw } from "../../common/runtime-percent.ts";
import {
  compileFault,
  delayMsFor,
  denominatorOf,
  type FaultConfig,
  type FaultShare,
  grpcStatusFor,
  httpStatusFor,
  kbpsFor,
  numeratorFor,
} from "./config.ts";
import { ResponseLimiter } from "./response-limiter.ts";

const MESSAGE = "envoy.extensions.filters.http.fault.v3.HTTPFault";
/** A timer cannot wait longer than a day, and no client does. */
const LONGEST_DELAY_MS = 86_400_000;

export interface FaultServices extends RuntimeDraw {
  readonly limiters: LimiterSlots;
}

/** What the streams of one connection manager share. */
interface Shared extends RuntimeDraw {
  readonly scope: StatsScope;
  readonly stats: FaultStats;
  /** Faults going on, over all data planes. */
  readonly active: SharedCount;
  /** Counters of downstream clusters, by their name's end. */
  readonly clusterCounters: Map<string, Counter>;
}

export function fault(services: FaultServices): HttpFilterType {
  return defineHttpFilter<HTTPFault, FaultConfig, HTTPFault, FaultConfig>({
    name: "envoy.filters.http.fault",
    messages: [MESSAGE],
    routeMessages: [MESSAGE],
    compile: compileFault,
    compileRoute: compileFault,
    createFactory: (config, context) => {
      const scope = context.stats.scope("fault");
      const active = services.limiters.count(scope.prefix);
      const { runtime, random } = services;
      const shared: Shared = {
        scope,
        stats: createFaultStats(scope),
        active,
        clusterCounters: new Map(),
        runtime,
        random,
      };
      return {
        create: (callbacks): HttpFilter => new FaultFilter(config, shared, callbacks),
        close: () => active.close(),
      };
    },
  });
}

class FaultFilter implements HttpFilter, TimerOwner {
  private config: FaultConfig;
  private readonly shared: Shared;
  private readonly callbacks: HttpFilterCallbacks;
  private headers: RequestHeaderMap | null = null;
  /** `x-envoy-downstream-service-cluster`; it has runtime keys and stats of its own. */
  private cluster = "";
  private delay: Timer | null = null;
  private limiter: ResponseLimiter | null = null;
  private active = false;

  constructor(config: FaultConfig, shared: Shared, callbacks: HttpFilterCallbacks) {
    this.config = config;
    this.shared = shared;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    this.config = (this.callbacks.routeConfig() as FaultConfig | null) ?? this.config;
    if (!this.applies(headers)) return "continue";
    this.headers = headers;
    this.cluster = headers.get(Headers.EnvoyDownstreamServiceCluster) ?? "";
    this.limitResponse(headers);
    return this.startDelay(headers) || this.abort(headers) ? "stop" : "continue";
  }

  decodeData(_bytes: Buffer, _endStream: boolean): FilterStatus {
    return this.delay === null ? "continue" : "stop-and-watermark";
  }

  decodeTrailers(_trailers: HeaderMap): FilterStatus {
    return this.delay === null ? "continue" : "stop";
  }

  encodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (this.limiter === null) return "continue";
    this.limiter.write(bytes, endStream);
    return "stop";
  }

  encodeTrailers(_trailers: HeaderMap): FilterStatus {
    return this.limiter?.holdTrailers() === true ? "stop" : "continue";
  }

  onDestroy(): void {
    this.delay?.close();
    this.delay = null;
    this.limiter?.close();
    if (!this.active) return;
    this.active = false;
    this.shared.active.release();
    this.shared.stats.activeFaults.dec();
  }

  /** The delay is over. */
  onTimer(): void {
    this.delay = null;
    if (!this.abort(this.headers as RequestHeaderMap)) this.callbacks.continueDecoding();
  }

  private applies(headers: RequestHeaderMap): boolean {
    const { upstreamCluster, downstreamNodes } = this.config;
    if (upstreamCluster !== "") {
      const entry = this.callbacks.route()?.entry ?? null;
      if (entry === null || entry.clusterName !== upstreamCluster) return false;
    }
    if (downstreamNodes.size > 0) {
      const node = headers.get(Headers.EnvoyDownstreamServiceNode);
      if (node === undefined || !downstreamNodes.has(node)) return false;
    }
    return matchHeaders(headers, this.config.headers);
  }

  private limitResponse(headers: RequestHeaderMap): void {
    const { rateLimit } = this.config;
    if (rateLimit === null) return;
    const kbps = kbpsFor(rateLimit, headers);
    if (kbps === 0 || !this.draws(rateLimit.share, headers, "") || !this.begin()) return;
    this.shared.stats.responseRlInjected.inc();
    this.limiter = new ResponseLimiter(this.callbacks, kbps);
  }

  /** True: the request waits. */
  private startDelay(headers: RequestHeaderMap): boolean {
    const { delay, delayDurationKey } = this.config;
    if (delay === null || !this.draws(delay.share, headers, "delay.fixed_delay_percent"))
      return false;
    let delayMs = delayMsFor(delay, headers);
    if (delayMs < 0) return false;
    delayMs = this.runtimeNumber(delayDurationKey, "delay.fixed_duration_ms", delayMs);
    if (delayMs <= 0 || !this.begin()) return false;
    this.delay = this.callbacks.dispatcher.create(this, 0);
    this.delay.arm(Math.min(delayMs, LONGEST_DELAY_MS));
    this.shared.stats.delaysInjected.inc();
    this.note(ResponseFlag.DelayInjected, "delays_injected");
    return true;
  }

  /** True: the request is answered. */
  private abort(headers: RequestHeaderMap): boolean {
    const { abort, abortHttpStatusKey, abortGrpcStatusKey } = this.config;
    if (abort === null || !this.draws(abort.share, headers, "abort.abort_percent")) return false;
    let status = httpStatusFor(abort, headers);
    let grpcStatus = -1;
    if (status >= 0) status = this.runtimeNumber(abortHttpStatusKey, "abort.http_status", status);
    else {
      grpcStatus = grpcStatusFor(abort, headers);
      if (grpcStatus < 0) return false;
      status = 200;
      grpcStatus = this.runtimeNumber(abortGrpcStatusKey, "abort.grpc_status", grpcStatus);
    }
    if (!this.begin()) return false;
    this.shared.stats.abortsInjected.inc();
    this.note(ResponseFlag.FaultInjected, "aborts_injected");
    const reply = { status, body: "fault filter abort", details: "fault_filter_abort" };
    this.callbacks.sendLocalReply(grpcStatus < 0 ? reply : { ...reply, grpcStatus });
    return true;
  }

  /** `clusterKey`: the end of the key that the downstream cluster has of its own; "" for none. */
  private draws(share: FaultShare, headers: RequestHeaderMap, clusterKey: string): boolean {
    const { runtime, random } = this.shared;
    const { key } = share.fraction;
    const numerator = numeratorFor(share, headers);
    const denominator = denominatorOf(share);
    if (runtime.featureEnabled(key, numerator, denominator, random.uint32())) return true;
    if (this.cluster === "" || clusterKey === "") return false;
    const own = `fault.http.${this.cluster}.${clusterKey}`;
    return runtime.featureEnabled(own, numerator, denominator, random.uint32());
  }

  private runtimeNumber(key: string, clusterKey: string, configured: number): number {
    const { runtime } = this.shared;
    const value = runtime.getInteger(key, configured);
    if (this.cluster === "") return value;
    return runtime.getInteger(`fault.http.${this.cluster}.${clusterKey}`, value);
  }

  /** Counts the stream, once whatever it meets; false when too many have a fault already. */
  private begin(): boolean {
    if (this.active) return true;
    const { stats, active, runtime } = this.shared;
    const { maxActiveFaults, maxActiveFaultsKey } = this.config;
    if (!active.tryAcquire(runtime.getInteger(maxActiveFaultsKey, maxActiveFaults))) {
      stats.faultsOverflow.inc();
      return false;
    }
    stats.activeFaults.inc();
    this.active = true;
    return true;
  }

  private note(flag: number, clusterStat: string): void {
    const { streamInfo, filterName } = this.callbacks;
    streamInfo.setFlag(flag);
    const { metadata, clusterStats } = this.config;
    streamInfo.setMetadata(filterName, metadata);
    if (!clusterStats || this.cluster === "") return;
    const { scope, clusterCounters } = this.shared;
    const name = `${this.cluster}.${clusterStat}`;
    let counter = clusterCounters.get(name);
    if (counter === undefined) {
      counter = scope.counter(name);
      clusterCounters.set(name, counter);
    }
    counter.inc();
  }
}
