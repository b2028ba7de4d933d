/**
 * What the main thread and a worker thread say to each other: plain data, and shared memory. None
 * of it is sent per connection or request.
 */
import type { LogComponent } from "../../log/log-components.ts";
import type { ListenOptions, SocketAddress } from "../../platform/sockets.ts";
import type { ConfigSource } from "../../proto/generated/envoy/config/core/v3.ts";
import type { StatsConfig } from "../../proto/generated/envoy/config/metrics/v3.ts";
import type { SlabUpdate } from "../../stats/slab.ts";
import type { SharedUpstreamState } from "../../upstream/upstream-services.ts";
import type { ConfigUpdate, PlainServices } from "../data-plane.ts";
import type { NamedKind } from "../named-subscriptions.ts";
import type { RuntimeValue } from "../runtime/runtime-value.ts";
import type { ConditionsState } from "../server-conditions.ts";

export type LogLevels = readonly (readonly [LogComponent, number])[];

/** How a worker writes the log. */
export interface WorkerLog {
  /** A file, /dev/stderr or /dev/stdout. */
  readonly path: string;
  /** `--log-format`. */
  readonly format: string;
  readonly processId: number;
  /** Who writes to a standard stream at the moment. */
  readonly turn: SharedArrayBuffer;
}

/** All that a worker starts with. */
export interface PlaneInit {
  /** 0 … N−1. */
  readonly id: number;
  /** N. */
  readonly dataPlanes: number;
  readonly shared: SharedUpstreamState;
  /** Of the limit of all downstream connections. */
  readonly connectionCount: SharedArrayBuffer;
  readonly maxDownstreamConnections: number | null;
  readonly statsConfig: StatsConfig | undefined;
  readonly plain: PlainServices;
  readonly runtime: ReadonlyMap<string, RuntimeValue>;
  readonly conditions: ConditionsState;
  readonly levels: LogLevels;
  readonly log: WorkerLog;
}

/** From the main thread. */
export type ToPlane =
  /** Asked: the diagnostics. */
  | { readonly kind: "prepare"; readonly update: ConfigUpdate }
  /** Asked: what could not be bound. */
  | { readonly kind: "commit" }
  | { readonly kind: "discard" }
  | { readonly kind: "started" }
  | { readonly kind: "stopListeners"; readonly direction: "all" | "inbound" }
  | { readonly kind: "closeQuietConnections"; readonly quietMs: number }
  | { readonly kind: "runtime"; readonly entries: ReadonlyMap<string, RuntimeValue> }
  | {
      readonly kind: "conditions";
      readonly conditions: ConditionsState;
      readonly levels: LogLevels;
    }
  | { readonly kind: "reopenLogs" }
  | { readonly kind: "trimMemory" }
  /** Asked: why it is refused, or null. `message` null: the source does not hold it. */
  | { readonly kind: "resource"; readonly subscription: number; readonly message: unknown }
  | { readonly kind: "resourceFailed"; readonly subscription: number }
  /** Accept also on the socket of a worker that died. */
  | { readonly kind: "adopt"; readonly port: string; readonly descriptor: number }
  /** Its successor accepts itself. */
  | { readonly kind: "giveBack" }
  /** Asked: a number, PlaneFacts, ClusterFacts[], ThreadMemory, or (once it is done) nothing. */
  | { readonly kind: "connectionCount" | "facts" | "clusters" | "memory" }
  | { readonly kind: "refreshStats" | "ping" | "close" };

/** From a worker. */
export type ToServer =
  /** Asked: ListenAnswer. */
  | { readonly kind: "listen"; readonly options: ListenOptions }
  | { readonly kind: "unlisten"; readonly port: string }
  | {
      readonly kind: "subscribe";
      readonly subscription: number;
      readonly type: NamedKind;
      readonly source: ConfigSource;
      readonly name: string;
      /** Of the subscription's stats. */
      readonly prefix: string;
    }
  | { readonly kind: "unsubscribe"; readonly subscription: number }
  | { readonly kind: "stats"; readonly update: SlabUpdate };

export type ListenAnswer =
  | { readonly kind: "bound"; readonly address: SocketAddress; readonly descriptor: number }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
