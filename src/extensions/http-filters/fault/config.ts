/**
 * `HTTPFault`, compiled. Envoy: `FaultSettings` (source/extensions/filters/http/fault), and
 * source/extensions/filters/common/fault/fault_config.cc for what headers may say.
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import {
  compileRuntimeFraction,
  type PercentDenominator,
  type RuntimeFraction,
} from "../../../config/runtime.ts";
import type {
  FaultDelay,
  FaultRateLimit,
} from "../../../proto/generated/envoy/extensions/filters/common/fault/v3.ts";
import type {
  FaultAbort,
  HTTPFault,
} from "../../../proto/generated/envoy/extensions/filters/http/fault/v3.ts";
import type { FractionalPercent } from "../../../proto/generated/envoy/type/v3.ts";
import { compileHeaderMatchers, type HeaderMatcher } from "../../../route/header-matcher.ts";

/** How many requests meet a fault. A request header may lower it where headers have a say. */
export interface FaultShare {
  readonly fraction: RuntimeFraction;
  /** Names the numerator; null where requests have no say. */
  readonly header: HeaderName | null;
}

/** `fixedMs` −1: the request says how long. */
export interface DelayConfig {
  readonly fixedMs: number;
  readonly share: FaultShare;
}

/** Each status −1 when unset. `byHeader`: the request says which. */
export interface AbortConfig {
  readonly httpStatus: number;
  readonly grpcStatus: number;
  readonly byHeader: boolean;
  readonly share: FaultShare;
}

/** `fixedKbps` 0: the request says how much. In KiB per second. */
export interface RateLimitConfig {
  readonly fixedKbps: number;
  readonly share: FaultShare;
}

export interface FaultConfig {
  readonly delay: DelayConfig | null;
  readonly abort: AbortConfig | null;
  readonly rateLimit: RateLimitConfig | null;
  /** "" for every cluster. */
  readonly upstreamCluster: string;
  readonly headers: readonly HeaderMatcher[];
  /** Empty for every node. */
  readonly downstreamNodes: ReadonlySet<string>;
  readonly maxActiveFaults: number;
  readonly delayDurationKey: string;
  readonly abortHttpStatusKey: string;
  readonly abortGrpcStatusKey: string;
  readonly maxActiveFaultsKey: string;
  readonly clusterStats: boolean;
  /** Dynamic metadata of a request that met a delay or an abort. */
  readonly metadata: Record<string, unknown>;
}

const DELAY_PERCENTAGE = headerName("x-envoy-fault-delay-request-percentage");
const ABORT_PERCENTAGE = headerName("x-envoy-fault-abort-request-percentage");
const THROUGHPUT_PERCENTAGE = headerName("x-envoy-fault-throughput-response-percentage");
const DELAY = headerName("x-envoy-fault-delay-request");
const ABORT = headerName("x-envoy-fault-abort-request");
const ABORT_GRPC = headerName("x-envoy-fault-abort-grpc-request");
const THROUGHPUT = headerName("x-envoy-fault-throughput-response");

const UNLIMITED = 0xffffffff;

export function compileFault(message: HTTPFault, context: CompileContext): FaultConfig {
  return {
    delay: message.delay === undefined ? null : compileDelay(message.delay, message),
    abort: message.abort === undefined ? null : compileAbort(message.abort, message),
    rateLimit:
      message.responseRateLimit === undefined
        ? null
        : compileRateLimit(message.responseRateLimit, message),
    upstreamCluster: message.upstreamCluster ?? "",
    headers: compileHeaderMatchers(message.headers, context),
    downstreamNodes: new Set(message.downstreamNodes),
    maxActiveFaults: message.maxActiveFaults ?? UNLIMITED,
    delayDurationKey: message.delayDurationRuntime || "fault.http.delay.fixed_duration_ms",
    abortHttpStatusKey: message.abortHttpStatusRuntime || "fault.http.abort.http_status",
    abortGrpcStatusKey: message.abortGrpcStatusRuntime || "fault.http.abort.grpc_status",
    maxActiveFaultsKey: message.maxActiveFaultsRuntime || "fault.http.max_active_faults",
    clusterStats: message.disableDownstreamClusterStats !== true,
    metadata: message.filterMetadata ?? {},
  };
}

function compileDelay(message: FaultDelay, fault: HTTPFault): DelayConfig {
  const key = fault.delayPercentRuntime || "fault.http.delay.fixed_delay_percent";
  const byHeader = message.headerDelay !== undefined;
  return {
    fixedMs: byHeader ? -1 : durationMs(message.fixedDelay, 0),
    share: compileShare(message.percentage, key, byHeader ? DELAY_PERCENTAGE : null),
  };
}

function compileAbort(message: FaultAbort, fault: HTTPFault): AbortConfig {
  const key = fault.abortPercentRuntime || "fault.http.abort.abort_percent";
  const byHeader = message.headerAbort !== undefined;
  return {
    httpStatus: message.httpStatus ?? -1,
    grpcStatus: message.grpcStatus ?? -1,
    byHeader,
    share: compileShare(message.percentage, key, byHeader ? ABORT_PERCENTAGE : null),
  };
}

function compileRateLimit(message: FaultRateLimit, fault: HTTPFault): RateLimitConfig {
  const key = fault.responseRateLimitPercentRuntime || "fault.http.rate_limit.response_percent";
  const byHeader = message.headerLimit !== undefined;
  return {
    fixedKbps: byHeader ? 0 : Number(message.fixedLimit?.limitKbps ?? 0),
    share: compileShare(message.percentage, key, byHeader ? THROUGHPUT_PERCENTAGE : null),
  };
}

function compileShare(
  percent: FractionalPercent | undefined,
  runtimeKey: string,
  header: HeaderName | null,
): FaultShare {
  const defaultValue = percent ?? {};
  return { fraction: compileRuntimeFraction({ defaultValue, runtimeKey }), header };
}

/** The share that counts for a request. */
export function numeratorFor(share: FaultShare, headers: RequestHeaderMap): number {
  const { numerator } = share.fraction;
  if (share.header === null) return numerator;
  const wanted = readUnsigned(headers.get(share.header), UNLIMITED);
  return wanted === null ? numerator : Math.min(wanted, numerator);
}

export function denominatorOf({ fraction }: FaultShare): PercentDenominator {
  return fraction.denominator;
}

/** −1: no delay. */
export function delayMsFor(delay: DelayConfig, headers: RequestHeaderMap): number {
  if (delay.fixedMs >= 0) return delay.fixedMs;
  return readUnsigned(headers.get(DELAY), Number.MAX_VALUE) ?? -1;
}

/** −1: none. */
export function httpStatusFor(abort: AbortConfig, headers: RequestHeaderMap): number {
  if (!abort.byHeader) return abort.httpStatus;
  const status = readUnsigned(headers.get(ABORT), Number.MAX_VALUE) ?? -1;
  return status >= 200 && status < 600 ? status : -1;
}

/** −1: none. */
export function grpcStatusFor(abort: AbortConfig, headers: RequestHeaderMap): number {
  if (!abort.byHeader) return abort.grpcStatus;
  return readUnsigned(headers.get(ABORT_GRPC), Number.MAX_VALUE) ?? -1;
}

/** KiB per second; 0: no limit. */
export function kbpsFor(limit: RateLimitConfig, headers: RequestHeaderMap): number {
  if (limit.fixedKbps > 0) return limit.fixedKbps;
  return readUnsigned(headers.get(THROUGHPUT), Number.MAX_VALUE) ?? 0;
}

const UNSIGNED = /^[ \t\r\n\v\f]*\+?([0-9]+)[ \t\r\n\v\f]*$/;

/** As absl::SimpleAtoi reads an unsigned number; null for anything else. */
function readUnsigned(text: string | undefined, max: number): number | null {
  const digits = text === undefined ? undefined : UNSIGNED.exec(text)?.[1];
  if (digits === undefined || BigInt(digits) >= 2n ** 64n) return null;
  const value = Number(digits);
  return value <= max ? value : null;
}
