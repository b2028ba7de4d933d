/**
 * Closes connections beyond a number, at once or after a delay. Envoy:
 * `envoy.filters.network.connection_limit` (source/extensions/filters/network/connection_limit).
 * Counted over all data planes. Differs from Envoy: connections of a listener that drains count on
 * while its successor says the same.
 */
import { durationMs } from "../../../config/duration.ts";
import { messageIdentity } from "../../../config/message-identity.ts";
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
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
import type { LimiterSlots, SharedCount } from "../../../upstream/limiter-slots.ts";
import { compileRuntimeFlag, isEnabled, type RuntimeFlag } from "../../common/runtime-flag.ts";

const NAME = "envoy.filters.network.connection_limit";

interface Config {
  readonly statPrefix: string;
  readonly maxConnections: number;
  /** 0 = close at once. */
  readonly delayMs: number;
  readonly enabled: RuntimeFlag;
  /** Place and content: equal on every data plane. */
  readonly identity: string;
}

export interface ConnectionLimitServices {
  readonly dispatcher: Dispatcher;
  readonly runtime: RuntimeSnapshot;
  readonly limiters: LimiterSlots;
}

/** What the connections of one filter chain share. */
interface Shared {
  readonly config: Config;
  readonly services: ConnectionLimitServices;
  readonly open: SharedCount;
  readonly limited: Counter;
  readonly active: Gauge;
}

export function connectionLimit(services: ConnectionLimitServices): NetworkFilterType {
  return defineNetworkFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"],
    compile: (message, context) => ({
      statPrefix: message.statPrefix ?? "",
      maxConnections: Number(message.maxConnections ?? 0),
      delayMs: durationMs(message.delay, 0),
      enabled: compileRuntimeFlag(message.runtimeEnabled),
      identity: `${context.path} ${messageIdentity(message)}`,
    }),
    createFactory: (config, { rootStats, listener }) => {
      const root = rootStats.scope("connection_limit");
      const scope = root.scope(config.statPrefix);
      const shared: Shared = {
        config,
        services,
        open: services.limiters.count(`${listener.name} ${config.identity}`),
        limited: scope.counter("limited_connections"),
        active: scope.gauge("active_connections"),
      };
      return {
        name: NAME,
        create: (callbacks) => new ConnectionLimitFilter(shared, callbacks),
        close: () => {
          shared.open.close();
          root.remove();
        },
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
    const { config, services, open, active, limited } = this.shared;
    if (!isEnabled(config.enabled, services.runtime)) return "continue";
    this.counted = true;
    active.inc();
    this.acquired = open.tryAcquire(config.maxConnections);
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
    if (this.acquired) this.shared.open.release();
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
