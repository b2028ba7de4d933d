// hot: per request
/**
 * hash_policy: a 64-bit value for consistent load balancing. Envoy:
 * source/common/http/hash_policy.cc.
 */
import { toByteString } from "../base/byte-string.ts";
import { XxHash64 } from "../base/xxhash64.ts";
import { cookieValue } from "../codec/cookie.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import type { HeaderName } from "../codec/header-names.ts";
import { queryParameter } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileRegexRewrite, type RegexRewrite } from "../config/matcher/regex-matcher.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type {
  RouteAction_HashPolicy,
  RouteAction_HashPolicy_Cookie,
} from "../proto/generated/envoy/config/route/v3.ts";
import { requestHeaderName } from "./header-matcher.ts";

/** Asked to add a Set-Cookie line to the response. */
export type AddCookie = (setCookie: string) => void;

const hasher = new XxHash64();

/** Leaves a hash in `hasher` and returns true, or false when the request has nothing to hash. */
interface HashMethod {
  evaluate(headers: RequestHeaderMap, info: StreamInfo, addCookie: AddCookie | null): boolean;
  readonly terminal: boolean;
}

class HeaderHashMethod implements HashMethod {
  readonly terminal: boolean;
  private readonly name: HeaderName;
  private readonly rewrite: RegexRewrite | null;

  constructor(terminal: boolean, name: HeaderName, rewrite: RegexRewrite | null) {
    this.terminal = terminal;
    this.name = name;
    this.rewrite = rewrite;
  }

  evaluate(headers: RequestHeaderMap): boolean {
    const first = headers.get(this.name);
    if (first === undefined) return false;
    if (this.name.pseudo || headers.count(this.name) === 1) {
      hasher.hash(this.rewritten(first));
      return true;
    }
    const values = headers.getAll(this.name);
    for (let index = 0; index < values.length; index++) {
      values[index] = this.rewritten(values[index]!);
    }
    // Byte strings sort by code unit, which is by byte.
    values.sort();
    hasher.high = 0;
    hasher.low = 0;
    for (const value of values) hasher.hash(value, hasher.high, hasher.low);
    return true;
  }

  private rewritten(value: string): string {
    return this.rewrite === null ? value : this.rewrite.apply(value);
  }
}

class CookieHashMethod implements HashMethod {
  readonly terminal: boolean;
  private readonly name: string;
  private readonly ttlSeconds: number | null;
  /** Everything after the value. */
  private readonly attributes: string;

  constructor(terminal: boolean, message: RouteAction_HashPolicy_Cookie) {
    this.terminal = terminal;
    this.name = toByteString(message.name ?? "");
    this.ttlSeconds = message.ttl === undefined ? null : message.ttl.seconds;
    this.attributes = cookieAttributes(message);
  }

  evaluate(headers: RequestHeaderMap, info: StreamInfo, addCookie: AddCookie | null): boolean {
    const value = cookieValue(headers, this.name) ?? "";
    if (value !== "") {
      hasher.hash(value);
      return true;
    }
    if (this.ttlSeconds === null || addCookie === null) return false;
    // The same for all streams of a connection, so that parallel ones agree.
    const { remoteAddress, localAddress } = info.connection;
    hasher.hash(addressText(remoteAddress) + addressText(localAddress));
    const made = hasher.toHex();
    addCookie(`${this.name}="${made}"${this.attributes}`);
    hasher.hash(made);
    return true;
  }
}

function cookieAttributes(message: RouteAction_HashPolicy_Cookie): string {
  const seconds = message.ttl?.seconds ?? 0;
  let text = seconds === 0 ? "" : `; Max-Age=${seconds}`;
  if ((message.path ?? "") !== "") text += `; Path=${toByteString(message.path!)}`;
  for (const { name = "", value = "" } of message.attributes ?? []) {
    text += value === "" ? `; ${name}` : `; ${name}=${value}`;
  }
  return `${text}; HttpOnly`;
}

function addressText(address: { ip: string; port: number; path?: string }): string {
  if (address.path !== undefined) return address.path;
  const ip = address.ip.includes(":") ? `[${address.ip}]` : address.ip;
  return `${ip}:${address.port}`;
}

class SourceIpHashMethod implements HashMethod {
  readonly terminal: boolean;

  constructor(terminal: boolean) {
    this.terminal = terminal;
  }

  evaluate(_headers: RequestHeaderMap, info: StreamInfo): boolean {
    const { ip } = info.remoteAddress;
    if (ip === "") return false;
    hasher.hash(ip);
    return true;
  }
}

class QueryParameterHashMethod implements HashMethod {
  readonly terminal: boolean;
  private readonly name: string;

  constructor(terminal: boolean, name: string) {
    this.terminal = terminal;
    this.name = name;
  }

  evaluate(headers: RequestHeaderMap): boolean {
    const value = queryParameter(headers.path, this.name);
    if (value === null) return false;
    hasher.hash(value);
    return true;
  }
}

class FilterStateHashMethod implements HashMethod {
  readonly terminal: boolean;
  private readonly key: string;

  constructor(terminal: boolean, key: string) {
    this.terminal = terminal;
    this.key = key;
  }

  evaluate(_headers: RequestHeaderMap, info: StreamInfo): boolean {
    const object = info.filterState(this.key);
    if (object?.hashable !== true) return false;
    hasher.hash(toByteString(object.serializeAsString()));
    return true;
  }
}

/** The policies of one route. */
export class HashPolicy {
  private readonly methods: readonly HashMethod[];

  constructor(methods: readonly HashMethod[]) {
    this.methods = methods;
  }

  /** Null when no policy finds anything. Without `addCookie` no cookie is made up. */
  hash(headers: RequestHeaderMap, info: StreamInfo, addCookie: AddCookie | null): bigint | null {
    let high = 0;
    let low = 0;
    let found = false;
    for (let index = 0; index < this.methods.length; index++) {
      const method = this.methods[index]!;
      if (method.evaluate(headers, info, addCookie)) {
        // Rotating keeps two equal policies from cancelling each other.
        const rotated = (high << 1) | (low >>> 31);
        low = ((low << 1) | (high >>> 31)) ^ hasher.low;
        high = rotated ^ hasher.high;
        found = true;
      }
      if (method.terminal && found) break;
    }
    return found ? (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0) : null;
  }
}

/** Null when there is nothing to hash; problems are in the context. */
export function compileHashPolicy(
  messages: readonly RouteAction_HashPolicy[] | undefined,
  context: CompileContext,
): HashPolicy | null {
  const methods: HashMethod[] = [];
  for (const [index, message] of (messages ?? []).entries()) {
    const method = compileMethod(message, context.at("hash_policy", index));
    if (method !== null) methods.push(method);
  }
  return methods.length === 0 ? null : new HashPolicy(methods);
}

function compileMethod(
  message: RouteAction_HashPolicy,
  context: CompileContext,
): HashMethod | null {
  const terminal = message.terminal === true;
  if (message.header !== undefined) {
    const { headerName = "", regexRewrite } = message.header;
    const at = context.at("header");
    if (headerName === "")
      return at.at("header_name").error("A header name is missing", "set header_name");
    const rewrite =
      regexRewrite === undefined ? null : compileRegexRewrite(regexRewrite, at.at("regex_rewrite"));
    return new HeaderHashMethod(terminal, requestHeaderName(headerName), rewrite);
  }
  if (message.cookie !== undefined) return new CookieHashMethod(terminal, message.cookie);
  if (message.connectionProperties !== undefined) {
    return message.connectionProperties.sourceIp === true ? new SourceIpHashMethod(terminal) : null;
  }
  if (message.queryParameter !== undefined) {
    return new QueryParameterHashMethod(terminal, toByteString(message.queryParameter.name ?? ""));
  }
  if (message.filterState !== undefined) {
    return new FilterStateHashMethod(terminal, message.filterState.key ?? "");
  }
  return context.error(
    "A hash policy is empty",
    "set one of header, cookie, connection_properties, query_parameter, filter_state",
  );
}
