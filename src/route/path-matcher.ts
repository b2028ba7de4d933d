// hot: per request
/**
 * Path specifiers of a route. They see the path without query and fragment (and without parameters
 * when ignore_path_parameters_in_path_matching is set). Envoy: the RouteEntryImpl family in
 * config_impl.cc.
 */
import { lowerAscii } from "../base/ascii.ts";
import { toByteString } from "../base/byte-string.ts";
import type { Regex } from "../base/regex.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileRegexMatcher } from "../config/matcher/regex-matcher.ts";
import type { RouteMatch } from "../proto/generated/envoy/config/route/v3.ts";
import { compileUriTemplateMatcher } from "./uri-template.ts";

export interface PathMatcher {
  matches(path: string, headers: RequestHeaderMap): boolean;
  /** How much of the path (without query) prefix_rewrite replaces. */
  matchedLength(path: string): number;
  /** Matches requests that have no path: CONNECT. */
  readonly pathless: boolean;
}

class PrefixPathMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  matches(path: string): boolean {
    return path.startsWith(this.prefix);
  }

  matchedLength(): number {
    return this.prefix.length;
  }
}

class ExactPathMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  matches(path: string): boolean {
    return path === this.path;
  }

  matchedLength(): number {
    return this.path.length;
  }
}

class SeparatedPrefixPathMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  matches(path: string): boolean {
    if (!path.startsWith(this.prefix)) return false;
    return path.length === this.prefix.length || path.charCodeAt(this.prefix.length) === SLASH;
  }

  matchedLength(): number {
    return this.prefix.length;
  }
}

const SLASH = 47;

/** `case_sensitive: false`, over a matcher whose pattern is lower case. */
class IgnoreCasePathMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  private readonly inner: PathMatcher;

  constructor(inner: PathMatcher) {
    this.inner = inner;
  }

  matches(path: string, headers: RequestHeaderMap): boolean {
    return this.inner.matches(lowerAscii(path), headers);
  }

  matchedLength(path: string): number {
    return this.inner.matchedLength(path);
  }
}

class RegexPathMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  private readonly regex: Regex;

  constructor(regex: Regex) {
    this.regex = regex;
  }

  matches(path: string): boolean {
    return this.regex.matchesFully(path);
  }

  matchedLength(path: string): number {
    return path.length;
  }
}

/** `connect_matcher`: CONNECT in any form. */
class ConnectPathMatcher implements PathMatcher {
  readonly pathless: boolean = true;

  matches(_path: string, headers: RequestHeaderMap): boolean {
    return headers.method === "CONNECT";
  }

  matchedLength(path: string): number {
    return path.length;
  }
}

/** Compiles the path specifier of a route match. */
export function compilePathMatcher(
  message: RouteMatch,
  context: CompileContext,
): PathMatcher | null {
  if (message.safeRegex !== undefined) {
    const regex = compileRegexMatcher(message.safeRegex, context.at("safe_regex"));
    return regex === null ? null : new RegexPathMatcher(regex);
  }
  if (message.connectMatcher !== undefined) return new ConnectPathMatcher();
  if (message.pathMatchPolicy !== undefined) {
    return compileUriTemplateMatcher(message.pathMatchPolicy, context.at("path_match_policy"));
  }
  const ignoreCase = message.caseSensitive === false;
  const matcher = compileText(message, ignoreCase, context);
  return matcher !== null && ignoreCase ? new IgnoreCasePathMatcher(matcher) : matcher;
}

function compileText(
  message: RouteMatch,
  ignoreCase: boolean,
  context: CompileContext,
): PathMatcher | null {
  const fold = (text: string): string => {
    const bytes = toByteString(text);
    return ignoreCase ? lowerAscii(bytes) : bytes;
  };
  if (message.prefix !== undefined) return new PrefixPathMatcher(fold(message.prefix));
  if (message.path !== undefined) return new ExactPathMatcher(fold(message.path));
  if (message.pathSeparatedPrefix !== undefined) {
    const prefix = message.pathSeparatedPrefix;
    if (/[?#]/.test(prefix) || prefix === "" || prefix.endsWith("/")) {
      return context
        .at("path_separated_prefix")
        .error(
          `"${prefix}" is no separated prefix`,
          "write a path without ? and #, and without a slash at its end",
        );
    }
    return new SeparatedPrefixPathMatcher(fold(prefix));
  }
  return context.error(
    "A route match needs a path specifier",
    "set one of prefix, path, safe_regex, path_separated_prefix, connect_matcher, path_match_policy",
  );
}
