// hot: per request
/**
 * One virtual host, and the index of domains that leads to it. Hosts are compiled at first use: a
 * RouteConfiguration may carry thousands of them. Envoy: `VirtualHostImpl`, `RouteMatcher`
 * (config_impl.cc).
 */
import { lowerAscii } from "../base/ascii.ts";
import { Headers } from "../codec/header-names.ts";
import { pathLength } from "../codec/query-string.ts";
import type { MatchTree } from "../config/matcher/match-tree.ts";
import type { RouteRule } from "./compile-route.ts";
import { TLS_REDIRECT } from "./direct-route.ts";
import type { HttpMatchData } from "./match-inputs.ts";
import type { Route, RouteMatchInput } from "./route.ts";

export type TlsRequirement = "NONE" | "EXTERNAL_ONLY" | "ALL";

const SEMICOLON = ";";

export class VirtualHost {
  readonly name: string;
  private readonly requireTls: TlsRequirement;
  private readonly ignorePathParameters: boolean;
  private readonly rules: readonly RouteRule[];
  private readonly tree: MatchTree<HttpMatchData, readonly RouteRule[]> | null;

  /** `tree` stands instead of `rules`. */
  constructor(
    name: string,
    requireTls: TlsRequirement,
    ignorePathParameters: boolean,
    rules: readonly RouteRule[],
    tree: MatchTree<HttpMatchData, readonly RouteRule[]> | null,
  ) {
    this.name = name;
    this.requireTls = requireTls;
    this.ignorePathParameters = ignorePathParameters;
    this.rules = rules;
    this.tree = tree;
  }

  match(input: RouteMatchInput): Route | null {
    const { headers } = input;
    // By the protocol the client used, not by :scheme; unknown happens only for requests that are
    // refused.
    const protocol = headers.get(Headers.XForwardedProto);
    if (protocol === undefined || protocol === "") return null;
    if (this.requireTls !== "NONE" && protocol !== "https" && this.refusesPlain(input)) {
      return TLS_REDIRECT;
    }
    const rules = this.tree === null ? this.rules : this.rulesFromTree(this.tree, input);
    if (rules === null) return null;
    const path = this.pathOf(headers.path);
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index]!;
      if (rule.match.matches(path, input)) return rule.target.select(input);
    }
    return null;
  }

  private refusesPlain(input: RouteMatchInput): boolean {
    if (this.requireTls === "ALL") return true;
    return input.headers.get(Headers.EnvoyInternal) !== "true";
  }

  private pathOf(path: string): string {
    const length = pathLength(path);
    const alone = length === path.length ? path : path.slice(0, length);
    if (!this.ignorePathParameters) return alone;
    const semicolon = alone.indexOf(SEMICOLON);
    return semicolon < 0 ? alone : alone.slice(0, semicolon);
  }

  private rulesFromTree(
    tree: MatchTree<HttpMatchData, readonly RouteRule[]>,
    input: RouteMatchInput,
  ): readonly RouteRule[] | null {
    return tree.match({
      requestHeaders: input.headers,
      responseHeaders: null,
      requestTrailers: null,
      responseTrailers: null,
      streamInfo: input.streamInfo,
    });
  }
}

/** Makes the virtual host on demand. */
export interface VirtualHostSlot {
  get(): VirtualHost;
}

/** Wildcards of one side: by length (without the star), longest first. */
class WildcardIndex {
  private readonly hosts: Map<string, VirtualHostSlot> = new Map();
  private lengths: readonly number[] = [];

  get size(): number {
    return this.hosts.size;
  }

  /** False when the part is there already. */
  add(part: string, slot: VirtualHostSlot): boolean {
    if (this.hosts.has(part)) return false;
    this.hosts.set(part, slot);
    if (!this.lengths.includes(part.length)) {
      this.lengths = [...this.lengths, part.length].sort((a, b) => b - a);
    }
    return true;
  }

  /** The star stands for at least one character. */
  find(host: string, suffix: boolean): VirtualHostSlot | null {
    for (let index = 0; index < this.lengths.length; index++) {
      const length = this.lengths[index]!;
      if (length >= host.length) continue;
      const part = suffix ? host.slice(host.length - length) : host.slice(0, length);
      const slot = this.hosts.get(part);
      if (slot !== undefined) return slot;
    }
    return null;
  }
}

/** Virtual hosts by domain. */
export class DomainIndex {
  private readonly exact: Map<string, VirtualHostSlot> = new Map();
  private readonly suffixes: WildcardIndex = new WildcardIndex();
  private readonly prefixes: WildcardIndex = new WildcardIndex();
  private fallback: VirtualHostSlot | null = null;

  /** False when the domain is there already. Domains are case-insensitive. */
  add(domain: string, slot: VirtualHostSlot): boolean {
    const lower = lowerAscii(domain);
    if (lower === "*") {
      if (this.fallback !== null) return false;
      this.fallback = slot;
      return true;
    }
    if (lower.startsWith("*")) return this.suffixes.add(lower.slice(1), slot);
    if (lower.endsWith("*")) return this.prefixes.add(lower.slice(0, -1), slot);
    if (this.exact.has(lower)) return false;
    this.exact.set(lower, slot);
    return true;
  }

  /** True when there is nothing but `*`: the host need not even be there. */
  get onlyFallback(): boolean {
    return this.exact.size === 0 && this.suffixes.size === 0 && this.prefixes.size === 0;
  }

  get fallbackSlot(): VirtualHostSlot | null {
    return this.fallback;
  }

  /** Exact, then the longest suffix wildcard, then the longest prefix wildcard, then `*`. */
  find(host: string): VirtualHostSlot | null {
    const lower = lowerAscii(host);
    return (
      this.exact.get(lower) ??
      this.suffixes.find(lower, true) ??
      this.prefixes.find(lower, false) ??
      this.fallback
    );
  }
}
