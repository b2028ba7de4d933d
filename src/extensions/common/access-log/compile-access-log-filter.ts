/** `AccessLogFilter`, compiled. Envoy: `FilterFactory::fromProto` (access_log_impl.cc). */
import { nearestName } from "../../../base/nearest-name.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import { compileMetadataMatcher } from "../../../config/matcher/value-matcher.ts";
import { compileRuntimeFraction, type RuntimeSnapshot } from "../../../config/runtime.ts";
import { flagOfShortName, SHORT_FLAG_NAMES } from "../../../network/response-flags.ts";
import type { RandomGenerator } from "../../../platform/random.ts";
import type * as log from "../../../proto/generated/envoy/config/accesslog/v3.ts";
import type { AccessLogType } from "../../../route/formatter.ts";
import { compileHeaderMatcher } from "../../../route/header-matcher.ts";
import * as filters from "./access-log-filter.ts";

/** What filters read besides the stream. */
export interface AccessLogFilterServices {
  readonly runtime: RuntimeSnapshot;
  readonly random: RandomGenerator;
}

type Compiled = filters.AccessLogFilter | null;

/** Null after reporting what is wrong. */
export function compileAccessLogFilter(
  message: log.AccessLogFilter,
  services: AccessLogFilterServices,
  context: CompileContext,
): Compiled {
  if (message.andFilter !== undefined) {
    const parts = compileAll(message.andFilter.filters, services, context.at("and_filter"));
    return parts === null ? null : new filters.AndFilter(parts);
  }
  if (message.orFilter !== undefined) {
    const parts = compileAll(message.orFilter.filters, services, context.at("or_filter"));
    return parts === null ? null : new filters.OrFilter(parts);
  }
  return compileSimple(message, services, context) ?? compileByHeaders(message, context);
}

function compileAll(
  messages: readonly log.AccessLogFilter[] | undefined,
  services: AccessLogFilterServices,
  context: CompileContext,
): filters.AccessLogFilter[] | null {
  const compiled = (messages ?? []).map((message, index) =>
    compileAccessLogFilter(message, services, context.at("filters", index)),
  );
  return compiled.includes(null) ? null : (compiled as filters.AccessLogFilter[]);
}

/** Filters that cannot fail; null for the others. */
function compileSimple(
  message: log.AccessLogFilter,
  services: AccessLogFilterServices,
  context: CompileContext,
): Compiled {
  const { runtime, random } = services;
  if (message.statusCodeFilter !== undefined) {
    return new filters.StatusCodeFilter(
      compileComparison(message.statusCodeFilter.comparison, runtime),
    );
  }
  if (message.durationFilter !== undefined) {
    return new filters.DurationFilter(
      compileComparison(message.durationFilter.comparison, runtime),
    );
  }
  if (message.notHealthCheckFilter !== undefined) return new filters.NotHealthCheckFilter();
  if (message.runtimeFilter !== undefined) {
    return new filters.RuntimeFilter(compileRuntimeFilter(message.runtimeFilter), runtime, random);
  }
  if (message.grpcStatusFilter !== undefined) return compileGrpcStatus(message.grpcStatusFilter);
  if (message.logTypeFilter !== undefined) {
    const types = new Set((message.logTypeFilter.types ?? []) as AccessLogType[]);
    return new filters.LogTypeFilter(types, message.logTypeFilter.exclude ?? false);
  }
  if (message.metadataFilter !== undefined) {
    return compileMetadata(message.metadataFilter, context.at("metadata_filter"));
  }
  return null;
}

function compileByHeaders(message: log.AccessLogFilter, context: CompileContext): Compiled {
  if (message.headerFilter !== undefined) {
    const at = context.at("header_filter").at("header");
    const matcher = compileHeaderMatcher(message.headerFilter.header ?? {}, at);
    return matcher === null ? null : new filters.HeaderFilter(matcher);
  }
  if (message.responseFlagFilter !== undefined) {
    return compileFlags(message.responseFlagFilter.flags ?? [], context.at("response_flag_filter"));
  }
  // Reported already.
  if (message.metadataFilter !== undefined) return null;
  return reportUnsupported(message, context);
}

function reportUnsupported(message: log.AccessLogFilter, context: CompileContext): null {
  if (message.traceableFilter !== undefined) {
    return context
      .at("traceable_filter")
      .error(
        "Tracing is not supported yet: no request is traceable",
        "remove the filter, or use runtime_filter to sample",
      );
  }
  if (message.extensionFilter !== undefined) {
    const name = messageNameOf(message.extensionFilter.typedConfig?.typeUrl ?? "");
    return context
      .at("extension_filter")
      .error(
        `Access log filter ${name === "" ? message.extensionFilter.name : name} is not supported`,
        "use the built-in filters: status code, duration, header, response flag, metadata, and, or",
      );
  }
  return context.error("The filter is empty", "set one kind of filter, or remove it");
}

const OPERATIONS: Readonly<Record<log.ComparisonFilter_Op, number>> = {
  EQ: filters.EQUAL,
  GE: filters.AT_LEAST,
  LE: filters.AT_MOST,
  NE: filters.NOT_EQUAL,
};

function compileComparison(
  message: log.ComparisonFilter | undefined,
  runtime: RuntimeSnapshot,
): filters.Comparison {
  return {
    operation: OPERATIONS[message?.op ?? "EQ"],
    value: message?.value?.defaultValue ?? 0,
    runtimeKey: message?.value?.runtimeKey ?? "",
    runtime,
  };
}

function compileRuntimeFilter(message: log.RuntimeFilter): filters.RuntimeFilterConfig {
  const { numerator, denominator } = compileRuntimeFraction({
    defaultValue: message.percentSampled ?? {},
  });
  return {
    key: message.runtimeKey ?? "",
    numerator,
    denominator,
    independent: message.useIndependentRandomness ?? false,
  };
}

const GRPC_STATUSES: readonly log.GrpcStatusFilter_Status[] = [
  "OK",
  "CANCELED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

function compileGrpcStatus(message: log.GrpcStatusFilter): filters.AccessLogFilter {
  const numbers = (message.statuses ?? []).map((status) => GRPC_STATUSES.indexOf(status));
  return new filters.GrpcStatusFilter(new Set(numbers), message.exclude ?? false);
}

function compileMetadata(message: log.MetadataFilter, context: CompileContext): Compiled {
  const matchesMissing = message.matchIfKeyNotFound ?? true;
  if (message.matcher === undefined) return new filters.MetadataFilter(null, [], matchesMissing);
  const at = context.at("matcher");
  if (message.matcher.invert === true) {
    at.at("invert").warn(
      "Access log filters do not invert metadata matchers, here as in Envoy",
      "match the other values",
    );
  }
  const matcher = compileMetadataMatcher({ ...message.matcher, invert: false }, at);
  const path = (message.matcher.path ?? []).map((segment) => segment.key ?? "");
  return matcher === null ? null : new filters.MetadataFilter(matcher, path, matchesMissing);
}

function compileFlags(names: readonly string[], context: CompileContext): Compiled {
  let flags = 0;
  for (const [index, name] of names.entries()) {
    const flag = flagOfShortName(name);
    flags |= flag;
    if (flag !== 0) continue;
    const nearest = nearestName(name, SHORT_FLAG_NAMES);
    const remedy =
      nearest === null ? `use one of ${SHORT_FLAG_NAMES.join(", ")}` : `use ${nearest}`;
    context.at("flags", index).error(`There is no response flag ${name}`, remedy);
  }
  return new filters.ResponseFlagFilter(flags);
}
