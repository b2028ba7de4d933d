// hot: per request
/** All conditions of one RouteMatch. Envoy: `RouteEntryImplBase::matchRoute` (config_impl.cc). */
import { cookieValue } from "../codec/cookie.ts";
import { Headers } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { AddressMatcher, compileRange } from "../config/matcher/address-matcher.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import { compileMetadataMatcher, type MetadataMatcher } from "../config/matcher/value-matcher.ts";
import {
  compileRuntimeFraction,
  type RuntimeFraction,
  type RuntimeSnapshot,
} from "../config/runtime.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type {
  CookieMatcher as CookieMatcherMessage,
  RouteMatch as RouteMatchMessage,
} from "../proto/generated/envoy/config/route/v3.ts";
import type { FilterStateMatcher as FilterStateMatcherMessage } from "../proto/generated/envoy/type/matcher/v3.ts";
import { compileHeaderMatchers, type HeaderMatcher, matchHeaders } from "./header-matcher.ts";
import { compilePathMatcher, type PathMatcher } from "./path-matcher.ts";
import {
  compileQueryParameterMatcher,
  type QueryParameterMatcher,
} from "./query-parameter-matcher.ts";
import type { RouteMatchInput } from "./route.ts";

/** A condition that few routes have. */
interface Condition {
  holds(input: RouteMatchInput): boolean;
}

export class RouteMatch {
  readonly path: PathMatcher;
  private readonly headers: readonly HeaderMatcher[];
  private readonly queries: readonly QueryParameterMatcher[];
  private readonly conditions: readonly Condition[];

  constructor(
    path: PathMatcher,
    headers: readonly HeaderMatcher[],
    queries: readonly QueryParameterMatcher[],
    conditions: readonly Condition[],
  ) {
    this.path = path;
    this.headers = headers;
    this.queries = queries;
    this.conditions = conditions;
  }

  /** `path` is the request's path without query; "" when it has none. */
  matches(path: string, input: RouteMatchInput): boolean {
    if (path === "" && !this.path.pathless) return false;
    if (!this.path.matches(path, input.headers)) return false;
    if (this.headers.length > 0 && !matchHeaders(input.headers, this.headers)) return false;
    for (let index = 0; index < this.queries.length; index++) {
      if (!this.queries[index]!.matches(input.headers.path)) return false;
    }
    for (let index = 0; index < this.conditions.length; index++) {
      if (!this.conditions[index]!.holds(input)) return false;
    }
    return true;
  }
}

class RuntimeCondition implements Condition {
  private readonly fraction: RuntimeFraction;
  private readonly runtime: RuntimeSnapshot;

  constructor(fraction: RuntimeFraction, runtime: RuntimeSnapshot) {
    this.fraction = fraction;
    this.runtime = runtime;
  }

  holds(input: RouteMatchInput): boolean {
    const { key, numerator, denominator } = this.fraction;
    return this.runtime.featureEnabled(key, numerator, denominator, input.random());
  }
}

const GRPC = "application/grpc";
const PLUS = 43;

class GrpcCondition implements Condition {
  holds(input: RouteMatchInput): boolean {
    const type = input.headers.get(Headers.ContentType);
    if (type === undefined || !type.startsWith(GRPC)) return false;
    return type.length === GRPC.length || type.charCodeAt(GRPC.length) === PLUS;
  }
}

class TlsCondition implements Condition {
  private readonly presented: boolean | null;
  private readonly validated: boolean | null;

  constructor(presented: boolean | null, validated: boolean | null) {
    this.presented = presented;
    this.validated = validated;
  }

  holds(input: RouteMatchInput): boolean {
    const { connection } = input.streamInfo;
    if (this.presented !== null && connection.peerCertificatePresented !== this.presented) {
      return false;
    }
    return this.validated === null || connection.peerCertificateValidated === this.validated;
  }
}

class MetadataCondition implements Condition {
  private readonly matcher: MetadataMatcher;

  constructor(matcher: MetadataMatcher) {
    this.matcher = matcher;
  }

  holds(input: RouteMatchInput): boolean {
    return this.matcher.matches(input.streamInfo.metadata(this.matcher.namespace));
  }
}

class FilterStateCondition implements Condition {
  private readonly key: string;
  private readonly matcher: StringMatcher;

  constructor(key: string, matcher: StringMatcher) {
    this.key = key;
    this.matcher = matcher;
  }

  holds(input: RouteMatchInput): boolean {
    const object = filterState(input.streamInfo, this.key);
    return object !== undefined && this.matcher.matches(object);
  }
}

function filterState(info: StreamInfo, key: string): string | undefined {
  return info.filterState(key)?.serializeAsString();
}

class CookieCondition implements Condition {
  private readonly name: string;
  private readonly value: StringMatcher;
  private readonly invert: boolean;

  constructor(name: string, value: StringMatcher, invert: boolean) {
    this.name = name;
    this.value = value;
    this.invert = invert;
  }

  holds(input: RouteMatchInput): boolean {
    const value = cookieValue(input.headers, this.name);
    return (value !== undefined && this.value.matches(value)) !== this.invert;
  }
}

export function compileRouteMatch(
  message: RouteMatchMessage,
  runtime: RuntimeSnapshot,
  context: CompileContext,
): RouteMatch | null {
  const path = compilePathMatcher(message, context);
  const headers = compileHeaderMatchers(message.headers, context);
  const queries: QueryParameterMatcher[] = [];
  for (const [index, query] of (message.queryParameters ?? []).entries()) {
    const matcher = compileQueryParameterMatcher(query, context.at("query_parameters", index));
    if (matcher !== null) queries.push(matcher);
  }
  const conditions = compileConditions(message, runtime, context);
  return path === null ? null : new RouteMatch(path, headers, queries, conditions);
}

function compileConditions(
  message: RouteMatchMessage,
  runtime: RuntimeSnapshot,
  context: CompileContext,
): Condition[] {
  const conditions: (Condition | null)[] = [];
  if (message.runtimeFraction !== undefined) {
    const fraction = compileRuntimeFraction(message.runtimeFraction);
    conditions.push(new RuntimeCondition(fraction, runtime));
  }
  if (message.grpc !== undefined) conditions.push(new GrpcCondition());
  if (message.tlsContext !== undefined) {
    const { presented = null, validated = null } = message.tlsContext;
    conditions.push(new TlsCondition(presented, validated));
  }
  for (const [index, metadata] of (message.dynamicMetadata ?? []).entries()) {
    const matcher = compileMetadataMatcher(metadata, context.at("dynamic_metadata", index));
    if (matcher !== null) conditions.push(new MetadataCondition(matcher));
  }
  for (const [index, state] of (message.filterState ?? []).entries()) {
    conditions.push(compileFilterState(state, context.at("filter_state", index)));
  }
  for (const [index, cookie] of (message.cookies ?? []).entries()) {
    conditions.push(compileCookie(cookie, context.at("cookies", index)));
  }
  return conditions.filter((condition) => condition !== null);
}

function compileFilterState(
  message: FilterStateMatcherMessage,
  context: CompileContext,
): Condition | null {
  const key = message.key ?? "";
  if (message.stringMatch !== undefined) {
    const matcher = compileStringMatcher(message.stringMatch, context.at("string_match"));
    return matcher === null ? null : new FilterStateCondition(key, matcher);
  }
  if (message.addressMatch === undefined) {
    return context.error("A filter state matcher is empty", "set string_match or address_match");
  }
  const ranges = (message.addressMatch.ranges ?? []).map((range, index) =>
    compileRange(range, context.at("address_match").at("ranges", index)),
  );
  return new FilterStateCondition(
    key,
    new AddressMatcher(ranges.filter((range) => range !== null)),
  );
}

function compileCookie(message: CookieMatcherMessage, context: CompileContext): Condition | null {
  if (message.stringMatch === undefined) {
    return context
      .at("string_match")
      .error("A cookie matcher needs a string matcher", "set string_match");
  }
  const matcher = compileStringMatcher(message.stringMatch, context.at("string_match"));
  if (matcher === null) return null;
  return new CookieCondition(message.name ?? "", matcher, message.invertMatch === true);
}
