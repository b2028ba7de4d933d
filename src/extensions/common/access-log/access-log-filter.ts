// hot: per request
/**
 * Which streams are logged. Envoy: source/common/access_log/access_log_impl.cc. Filters see the
 * stream as it is when the line would be written.
 */
import { RequestHeaderMap } from "../../../codec/header-map.ts";
import type { MetadataMatcher } from "../../../config/matcher/value-matcher.ts";
import { valueAt } from "../../../config/matcher/value-matcher.ts";
import type { PercentDenominator, RuntimeSnapshot } from "../../../config/runtime.ts";
import type { RandomGenerator } from "../../../platform/random.ts";
import type { AccessLogType, FormatterContext } from "../../../route/formatter.ts";
import type { HeaderMatcher } from "../../../route/header-matcher.ts";
import { grpcStatusOf } from "../grpc-status.ts";

export interface AccessLogFilter {
  /** True: log it. */
  matches(context: FormatterContext): boolean;
}

export const EQUAL = 0;
export const AT_LEAST = 1;
export const AT_MOST = 2;
export const NOT_EQUAL = 3;

/** A comparison with a number that the runtime may replace. */
export interface Comparison {
  readonly operation: number;
  readonly value: number;
  readonly runtimeKey: string;
  readonly runtime: RuntimeSnapshot;
}

function compare(actual: number, comparison: Comparison): boolean {
  const expected = comparison.runtime.getInteger(comparison.runtimeKey, comparison.value);
  switch (comparison.operation) {
    case EQUAL:
      return actual === expected;
    case AT_LEAST:
      return actual >= expected;
    case AT_MOST:
      return actual <= expected;
    default:
      return actual !== expected;
  }
}

export class StatusCodeFilter implements AccessLogFilter {
  private readonly comparison: Comparison;

  constructor(comparison: Comparison) {
    this.comparison = comparison;
  }

  matches({ streamInfo }: FormatterContext): boolean {
    return compare(streamInfo.responseCode, this.comparison);
  }
}

export class DurationFilter implements AccessLogFilter {
  private readonly comparison: Comparison;

  constructor(comparison: Comparison) {
    this.comparison = comparison;
  }

  matches({ streamInfo, nowMs }: FormatterContext): boolean {
    const endMs = streamInfo.endMs < 0 ? nowMs : streamInfo.endMs;
    return compare(Math.floor(endMs - streamInfo.startMs), this.comparison);
  }
}

export class NotHealthCheckFilter implements AccessLogFilter {
  matches({ streamInfo }: FormatterContext): boolean {
    return !streamInfo.healthCheck;
  }
}

export interface RuntimeFilterConfig {
  readonly key: string;
  readonly numerator: number;
  readonly denominator: PercentDenominator;
  /** Draw anew, rather than from the request id. */
  readonly independent: boolean;
}

/** A share of all requests: the same ones in every log, since the request id decides. */
export class RuntimeFilter implements AccessLogFilter {
  private readonly config: RuntimeFilterConfig;
  private readonly runtime: RuntimeSnapshot;
  private readonly random: RandomGenerator;

  constructor(config: RuntimeFilterConfig, runtime: RuntimeSnapshot, random: RandomGenerator) {
    this.config = config;
    this.runtime = runtime;
    this.random = random;
  }

  matches({ streamInfo }: FormatterContext): boolean {
    const { key, numerator, denominator } = this.config;
    const number = this.drawn(streamInfo.requestId);
    return this.runtime.featureEnabled(key, numerator, denominator, number);
  }

  private drawn(requestId: string): number {
    const number = this.config.independent
      ? Number.NaN
      : Number.parseInt(requestId.slice(0, 8), 16);
    return Number.isNaN(number) ? this.random.uint32() : number;
  }
}

export class AndFilter implements AccessLogFilter {
  private readonly filters: readonly AccessLogFilter[];

  constructor(filters: readonly AccessLogFilter[]) {
    this.filters = filters;
  }

  matches(context: FormatterContext): boolean {
    for (let index = 0; index < this.filters.length; index++) {
      if (!this.filters[index]!.matches(context)) return false;
    }
    return true;
  }
}

export class OrFilter implements AccessLogFilter {
  private readonly filters: readonly AccessLogFilter[];

  constructor(filters: readonly AccessLogFilter[]) {
    this.filters = filters;
  }

  matches(context: FormatterContext): boolean {
    for (let index = 0; index < this.filters.length; index++) {
      if (this.filters[index]!.matches(context)) return true;
    }
    return false;
  }
}

export class HeaderFilter implements AccessLogFilter {
  private readonly matcher: HeaderMatcher;

  constructor(matcher: HeaderMatcher) {
    this.matcher = matcher;
  }

  matches({ requestHeaders }: FormatterContext): boolean {
    return this.matcher.matches(requestHeaders ?? NO_HEADERS);
  }
}

const NO_HEADERS: RequestHeaderMap = new RequestHeaderMap();

export class ResponseFlagFilter implements AccessLogFilter {
  /** Bits; 0: any flag. */
  private readonly flags: number;

  constructor(flags: number) {
    this.flags = flags;
  }

  matches({ streamInfo }: FormatterContext): boolean {
    const set = streamInfo.responseFlags;
    return (this.flags === 0 ? set : set & this.flags) !== 0;
  }
}

const UNKNOWN_GRPC_STATUS = 2;

export class GrpcStatusFilter implements AccessLogFilter {
  private readonly statuses: ReadonlySet<number>;
  private readonly exclude: boolean;

  constructor(statuses: ReadonlySet<number>, exclude: boolean) {
    this.statuses = statuses;
    this.exclude = exclude;
  }

  matches(context: FormatterContext): boolean {
    return this.statuses.has(grpcStatusOf(context) ?? UNKNOWN_GRPC_STATUS) !== this.exclude;
  }
}

export class MetadataFilter implements AccessLogFilter {
  private readonly matcher: MetadataMatcher | null;
  private readonly path: readonly string[];
  private readonly matchesMissing: boolean;

  constructor(matcher: MetadataMatcher | null, path: readonly string[], matchesMissing: boolean) {
    this.matcher = matcher;
    this.path = path;
    this.matchesMissing = matchesMissing;
  }

  matches({ streamInfo }: FormatterContext): boolean {
    if (this.matcher === null) return this.matchesMissing;
    const fields = streamInfo.metadata(this.matcher.namespace);
    if (valueAt(fields, this.path) === undefined) return this.matchesMissing;
    return this.matcher.matches(fields);
  }
}

export class LogTypeFilter implements AccessLogFilter {
  private readonly types: ReadonlySet<AccessLogType>;
  private readonly exclude: boolean;

  constructor(types: ReadonlySet<AccessLogType>, exclude: boolean) {
    this.types = types;
    this.exclude = exclude;
  }

  matches({ logType }: FormatterContext): boolean {
    return this.types.has(logType) !== this.exclude;
  }
}
