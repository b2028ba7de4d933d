// hot: per request
/**
 * The parts of rate limit descriptors: what each action of a `rate_limits` entry reads from a
 * request. Envoy: source/common/router/router_ratelimit.cc.
 */

import { toByteString } from "../base/byte-string.ts";
import { parseCidrRange } from "../base/cidr.ts";
import { ipv4Text } from "../base/ip-address.ts";
import { ipv6Text } from "../base/ipv6-text.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import type { HeaderName } from "../codec/header-names.ts";
import { decodedQueryParameter } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "../config/matcher/string-matcher.ts";
import type { Metadata, StreamInfo } from "../network/stream-info.ts";
import type {
  RateLimit_Action as Message,
  QueryParameterMatcher,
  RateLimit_Action_HeaderValueMatch,
  RateLimit_Action_MetaData,
  RateLimit_Action_QueryParameterValueMatch,
} from "../proto/generated/envoy/config/route/v3.ts";
import {
  compileHeaderMatchers,
  type HeaderMatcher,
  matchHeaders,
  requestHeaderName,
} from "./header-matcher.ts";
import type { RouteEntry } from "./route.ts";

/** What actions read. */
export interface RateLimitInput {
  readonly headers: RequestHeaderMap;
  readonly streamInfo: StreamInfo;
  /** The route that forwards; null without one. */
  readonly entry: RouteEntry | null;
  /** `node.cluster`. */
  readonly serviceCluster: string;
}

/** One key and value; equal texts are equal entries. */
export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/**
 * What one action says of a request. Undefined: the entry it belongs to yields no descriptor. Null:
 * it is left out of the descriptor.
 */
export interface RateLimitAction {
  entry(input: RateLimitInput): DescriptorEntry | null | undefined;
}

/** Null after reporting what is wrong. */
export function compileRateLimitAction(
  message: Message,
  context: CompileContext,
): RateLimitAction | null {
  if (message.sourceCluster !== undefined) return SOURCE_CLUSTER;
  if (message.destinationCluster !== undefined) return DESTINATION_CLUSTER;
  if (message.remoteAddress !== undefined) return REMOTE_ADDRESS;
  if (message.requestHeaders !== undefined) {
    const { headerName = "", descriptorKey = "", skipIfAbsent = false } = message.requestHeaders;
    return new RequestHeader(requestHeaderName(headerName), descriptorKey, absent(skipIfAbsent));
  }
  if (message.queryParameters !== undefined) {
    const { queryParameterName = "", descriptorKey = "", skipIfAbsent } = message.queryParameters;
    const name = toByteString(queryParameterName);
    return new QueryParameter(name, descriptorKey, absent(skipIfAbsent === true));
  }
  if (message.genericKey !== undefined) {
    const { descriptorKey, descriptorValue = "" } = message.genericKey;
    const entry = { key: descriptorKey || "generic_key", value: toByteString(descriptorValue) };
    return { entry: () => entry };
  }
  if (message.maskedRemoteAddress !== undefined) {
    const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = message.maskedRemoteAddress;
    return { entry: (input) => maskedAddress(input, v4PrefixMaskLen, v6PrefixMaskLen) };
  }
  return compileMatchingAction(message, context);
}

function compileMatchingAction(message: Message, context: CompileContext): RateLimitAction | null {
  if (message.headerValueMatch !== undefined) {
    return headerValueMatch(message.headerValueMatch, context.at("header_value_match"));
  }
  if (message.queryParameterValueMatch !== undefined) {
    const at = context.at("query_parameter_value_match");
    return queryParameterValueMatch(message.queryParameterValueMatch, at);
  }
  if (message.metadata !== undefined) return new MetadataValue(message.metadata);
  if (message.dynamicMetadata !== undefined) return new MetadataValue(message.dynamicMetadata);
  if (message.extension !== undefined) {
    return context
      .at("extension")
      .error("Descriptor extensions are not supported", "use the actions of the API itself");
  }
  return context.error("The action is empty", "set one kind of action");
}

/** What an action yields when the request has nothing for it. */
function absent(skipIfAbsent: boolean): null | undefined {
  return skipIfAbsent ? null : undefined;
}

const SOURCE_CLUSTER: RateLimitAction = {
  entry: ({ serviceCluster }) => ({ key: "source_cluster", value: serviceCluster }),
};

const DESTINATION_CLUSTER: RateLimitAction = {
  entry: ({ entry }) =>
    entry === null ? undefined : { key: "destination_cluster", value: entry.clusterName },
};

const REMOTE_ADDRESS: RateLimitAction = {
  entry: ({ streamInfo }) => {
    const { ip } = streamInfo.remoteAddress;
    return ip === "" ? undefined : { key: "remote_address", value: ip };
  },
};

class RequestHeader implements RateLimitAction {
  private readonly name: HeaderName;
  private readonly key: string;
  private readonly absent: null | undefined;

  constructor(name: HeaderName, key: string, whenAbsent: null | undefined) {
    this.name = name;
    this.key = key;
    this.absent = whenAbsent;
  }

  entry({ headers }: RateLimitInput): DescriptorEntry | null | undefined {
    const value = headers.get(this.name);
    return value === undefined ? this.absent : { key: this.key, value };
  }
}

class QueryParameter implements RateLimitAction {
  private readonly name: string;
  private readonly key: string;
  private readonly absent: null | undefined;

  constructor(name: string, key: string, whenAbsent: null | undefined) {
    this.name = name;
    this.key = key;
    this.absent = whenAbsent;
  }

  entry({ headers }: RateLimitInput): DescriptorEntry | null | undefined {
    const value = decodedQueryParameter(headers.path, this.name);
    return value === null ? this.absent : { key: this.key, value };
  }
}

function maskedAddress(
  { streamInfo }: RateLimitInput,
  v4Length: number,
  v6Length: number,
): DescriptorEntry | undefined {
  const { ip } = streamInfo.remoteAddress;
  const range = parseCidrRange(ip, ip.includes(":") ? v6Length : v4Length);
  if (range === null) return undefined;
  const text = range.ipv6 ? ipv6Text(range.words) : ipv4Text(range.words[0] as number);
  return { key: "masked_remote_address", value: `${text}/${range.prefixLength}` };
}

function headerValueMatch(
  message: RateLimit_Action_HeaderValueMatch,
  context: CompileContext,
): RateLimitAction {
  const matchers: readonly HeaderMatcher[] = compileHeaderMatchers(message.headers, context);
  const expected = message.expectMatch ?? true;
  const { descriptorKey, descriptorValue = "" } = message;
  const entry = { key: descriptorKey || "header_match", value: toByteString(descriptorValue) };
  return {
    entry: ({ headers }) => (matchHeaders(headers, matchers) === expected ? entry : undefined),
  };
}

/** A parameter that must have a value, or must (not) be there. */
interface ParameterMatcher {
  readonly name: string;
  readonly value: StringMatcher | null;
  readonly present: boolean;
}

function queryParameterValueMatch(
  message: RateLimit_Action_QueryParameterValueMatch,
  context: CompileContext,
): RateLimitAction {
  const matchers = (message.queryParameters ?? []).flatMap((parameter, index) =>
    parameterMatcher(parameter, context.at("query_parameters", index)),
  );
  const expected = message.expectMatch ?? true;
  const { descriptorKey, descriptorValue = "" } = message;
  const entry = { key: descriptorKey || "query_match", value: toByteString(descriptorValue) };
  return {
    entry: ({ headers }) =>
      matchParameters(headers.path, matchers) === expected ? entry : undefined,
  };
}

function parameterMatcher(
  { name: text = "", stringMatch, presentMatch }: QueryParameterMatcher,
  context: CompileContext,
): ParameterMatcher[] {
  const name = toByteString(text);
  if (stringMatch === undefined) return [{ name, value: null, present: presentMatch ?? true }];
  const value = compileStringMatcher(stringMatch, context.at("string_match"));
  return value === null ? [] : [{ name, value, present: true }];
}

function matchParameters(path: string, matchers: readonly ParameterMatcher[]): boolean {
  for (let index = 0; index < matchers.length; index++) {
    const { name, value: matcher, present } = matchers[index] as ParameterMatcher;
    const value = decodedQueryParameter(path, name);
    const matches = matcher === null ? (value !== null) === present : matcher.matches(value ?? "");
    if (!matches || (matcher !== null && value === null)) return false;
  }
  return true;
}

/** A text in the metadata of the request or of its route. */
class MetadataValue implements RateLimitAction {
  private readonly key: string;
  private readonly namespace: string;
  private readonly path: readonly string[];
  private readonly fallback: string;
  private readonly ofRoute: boolean;
  private readonly absent: null | undefined;

  constructor(message: RateLimit_Action_MetaData) {
    this.key = message.descriptorKey ?? "";
    this.namespace = message.metadataKey?.key ?? "";
    this.path = (message.metadataKey?.path ?? []).map(({ key = "" }) => key);
    this.fallback = message.defaultValue ?? "";
    this.ofRoute = message.source === "ROUTE_ENTRY";
    this.absent = absent(message.skipIfAbsent === true);
  }

  entry({ streamInfo, entry }: RateLimitInput): DescriptorEntry | null | undefined {
    const metadata = this.ofRoute ? (entry?.metadata ?? null) : streamInfo.allMetadata;
    const value = this.find(metadata) || this.fallback;
    return value === "" ? this.absent : { key: this.key, value };
  }

  /** "" for anything but a text. */
  private find(metadata: Metadata | null): string {
    let value: unknown = metadata?.[this.namespace];
    for (let index = 0; index < this.path.length; index++) {
      if (typeof value !== "object" || value === null) return "";
      value = (value as Record<string, unknown>)[this.path[index] as string];
    }
    return typeof value === "string" ? value : "";
  }
}
