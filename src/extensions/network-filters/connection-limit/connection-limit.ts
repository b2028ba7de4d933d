/**
 * Closes connections beyond a number, at once or after a delay. Envoy:
 * `envoy.filters.network.connection_limit` (source/extensions/filters/network/connection_limit).
 * Differs from Envoy: each data plane counts its own.
 */
import { durationMs } from "../../../config/duration.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import { type ConnectionLimit, LocalConnectionLimit } from "../../../network/connection-limit.ts";
import {
  defineNetworkFilter,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { ConnectionLimit as Message } from "../../../proto/generated/envoy/extensions/filters/network/connection_limit/v3.ts";
import type { Counter } from "../../../stats/counter.ts";
import type { Gauge } from "../../../stats/gauge.ts";
import { compileRuntimeFlag, isEnabled, type RuntimeFlag } from "../../common/runtime-flag.ts";

const NAME = "envoy.filters.network.connection_limit";

interface Config {
  readonly statPrefix: string;
  readonly maxConnections: number;
  /** 0 = close at once. */
  readonly delayMs: number;
  readonly enabled: RuntimeFlag;
}

export interface ConnectionLimitServices {
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
}

/** What the connections of one filter chain share. */
interface Shared {
  readonly config: Config;
  readonly services: ConnectionLimitServices;
  readonly limit: ConnectionLimit;
  readonly limited: Counter;
  readonly active: Gauge;
}

export function connectionLimit(services: ConnectionLimitServices): NetworkFilterType {
  return defineNetworkFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"],
    compile: (message) => ({
      statPrefix: message.statPrefix ?? "",
      maxConnections: Number(message.maxConnections ?? 0),
      delayMs: durationMs(message.delay, 0),
      enabled: compileRuntimeFlag(message.runtimeEnabled),
    }),
    createFactory: (config, { rootStats }) => {
      const root = rootStats.scope("connection_limit");
      const scope = root.scope(config.statPrefix);
      const shared: Shared = {
        config,
        services,
        limit: new LocalConnectionLimit(() => config.maxConnections),
        limited: scope.counter("limited_connections"),
        active: scope.gauge("active_connections"),
      };
      return {
        name: NAME,
        create: (callbacks) => new ConnectionLimitFilter(shared, callbacks),
        close: () => root.remove(),
      };
    },
  });
}

class ConnectionLimitFilter implements NetworkFilter, TimerOwner {
  private readonly shared: Shared;
  private readonly callbacks: NetworkFilterCallbacks;
  private counted = false;
  private acquired = false;
  private rejected = false;
  private timer: Timer | null = null;

  constructor(shared: Shared, callbacks: NetworkFilterCallbacks) {
    this.shared = shared;
    this.callbacks = callbacks;
  }

  onNewConnection(): NetworkFilterStatus {
    const { config, services, limit, active, limited } = this.shared;
    if (!isEnabled(config.enabled, services.runtime)) return "continue";
    this.counted = true;
    active.inc();
    this.acquired = limit.tryAcquire();
    if (this.acquired) return "continue";
    limited.inc();
    this.rejected = true;
    this.reject(config.delayMs);
    return "stop";
  }

  onData(): NetworkFilterStatus {
    return this.rejected ? "stop" : "continue";
  }

  onDestroy(): void {
    this.timer?.close();
    if (this.acquired) this.shared.limit.release();
    if (this.counted) this.shared.active.dec();
  }

  /** The delay is over. */
  onTimer(): void {
    this.close();
  }

  private reject(delayMs: number): void {
    if (delayMs === 0) {
      this.close();
      return;
    }
    this.timer = this.shared.services.dispatcher.create(this, 0);
    this.timer.arm(delayMs);
  }

  private close(): void {
    this.callbacks.connection.close("no-flush");
  }
}
