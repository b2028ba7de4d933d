// hot: per request
/**
 * Host and path rewrites of forwarded requests, and of the paths of redirects.
 * Envoy: `finalizePathHeader`, `finalizeHostHeader` (config_impl.cc), `Utility::updateAuthority`.
 */
import { toByteString } from "../base/byte-string.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { type HeaderName, Headers } from "../codec/header-names.ts";
import { pathLength } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileRegexRewrite, type RegexRewrite } from "../config/matcher/regex-matcher.ts";
import type { RouteAction } from "../proto/generated/envoy/config/route/v3.ts";
import type { FormatParser, Formatter, FormatterContext } from "./formatter.ts";
import { requestHeaderName } from "./header-matcher.ts";
import type { PathMatcher } from "./path-matcher.ts";
import { compileUriTemplateRewriter, type UriTemplateRewriter } from "./uri-template.ts";

/** Computes a new :path (with query) from the old one; null leaves it alone. */
export interface PathRewrite {
  rewrite(path: string, context: FormatterContext | null): string | null;
}

/** `prefix_rewrite`: replaces what the route matched. */
export class PrefixRewrite implements PathRewrite {
  private readonly matcher: PathMatcher;
  private readonly replacement: string;

  constructor(matcher: PathMatcher, replacement: string) {
    this.matcher = matcher;
    this.replacement = replacement;
  }

  rewrite(path: string): string {
    const alone = path.slice(0, pathLength(path));
    return this.replacement + path.slice(this.matcher.matchedLength(alone));
  }
}

/** `regex_rewrite`, on the path without query. An empty result is no rewrite. */
export class RegexPathRewrite implements PathRewrite {
  private readonly regex: RegexRewrite;

  constructor(regex: RegexRewrite) {
    this.regex = regex;
  }

  rewrite(path: string): string | null {
    const length = pathLength(path);
    const rewritten = this.regex.apply(path.slice(0, length));
    return rewritten === "" ? null : rewritten + path.slice(length);
  }
}

/** `path_rewrite_policy` with a URI template. */
class TemplatePathRewrite implements PathRewrite {
  private readonly template: UriTemplateRewriter;

  constructor(template: UriTemplateRewriter) {
    this.template = template;
  }

  rewrite(path: string): string {
    const length = pathLength(path);
    const rewritten = this.template.rewrite(path.slice(0, length));
    return rewritten === null ? path : rewritten + path.slice(length);
  }
}

/** `path_rewrite`: a format string for the path without query. */
class FormattedPathRewrite implements PathRewrite {
  private readonly format: Formatter;

  constructor(format: Formatter) {
    this.format = format;
  }

  rewrite(path: string, context: FormatterContext): string | null {
    const formatted = this.format.format(context);
    return formatted === "" ? null : formatted + path.slice(pathLength(path));
  }
}

/** Computes a new authority; null leaves it alone. */
export interface HostRewrite {
  rewrite(headers: RequestHeaderMap, context: FormatterContext): string | null;
}

class LiteralHostRewrite implements HostRewrite {
  private readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  rewrite(): string {
    return this.host;
  }
}

class HeaderHostRewrite implements HostRewrite {
  private readonly name: HeaderName;

  constructor(name: HeaderName) {
    this.name = name;
  }

  rewrite(headers: RequestHeaderMap): string | null {
    const host = headers.get(this.name);
    return host === undefined || host === "" ? null : host;
  }
}

class PathRegexHostRewrite implements HostRewrite {
  private readonly regex: RegexRewrite;

  constructor(regex: RegexRewrite) {
    this.regex = regex;
  }

  rewrite(headers: RequestHeaderMap): string | null {
    const host = this.regex.apply(headers.path.slice(0, pathLength(headers.path)));
    return host === "" ? null : host;
  }
}

class FormattedHostRewrite implements HostRewrite {
  private readonly format: Formatter;

  constructor(format: Formatter) {
    this.format = format;
  }

  rewrite(_headers: RequestHeaderMap, context: FormatterContext): string | null {
    const host = this.format.format(context);
    return host === "" ? null : host;
  }
}

/**
 * Sets the authority. `appendForwardedHost` appends the old one to x-forwarded-host unless it is
 * last there; `insertOriginalHost` keeps it in x-envoy-original-host.
 */
export function updateAuthority(
  headers: RequestHeaderMap,
  host: string,
  appendForwardedHost: boolean,
  insertOriginalHost: boolean,
): void {
  const old = headers.authority;
  if (insertOriginalHost && old !== "") headers.set(Headers.EnvoyOriginalHost, old);
  if (appendForwardedHost && old !== "") {
    const forwarded = headers.get(Headers.XForwardedHost) ?? "";
    const last = forwarded.slice(forwarded.lastIndexOf(",") + 1);
    if (last !== old) headers.append(Headers.XForwardedHost, old);
  }
  headers.authority = host;
}

/** Compiles the path rewrite of a route action; null when it has none. */
export function compilePathRewrite(
  message: RouteAction,
  matcher: PathMatcher,
  formats: FormatParser,
  context: CompileContext,
): PathRewrite | null {
  const kinds = [
    message.prefixRewrite ?? "",
    message.regexRewrite,
    message.pathRewritePolicy,
    message.pathRewrite ?? "",
  ].filter((kind) => kind !== undefined && kind !== "");
  if (kinds.length > 1) {
    return context.error(
      "Several path rewrites are set",
      "set one of prefix_rewrite, regex_rewrite, path_rewrite_policy, path_rewrite",
    );
  }
  if (message.regexRewrite !== undefined) {
    const regex = compileRegexRewrite(message.regexRewrite, context.at("regex_rewrite"));
    return regex === null ? null : new RegexPathRewrite(regex);
  }
  if (message.pathRewritePolicy !== undefined) {
    const at = context.at("path_rewrite_policy");
    const template = compileUriTemplateRewriter(message.pathRewritePolicy, matcher, at);
    return template === null ? null : new TemplatePathRewrite(template);
  }
  if ((message.pathRewrite ?? "") !== "") {
    const at = context.at("path_rewrite");
    const format = formats.parseText(message.pathRewrite!, { omitEmptyValues: true }, at);
    return format === null ? null : new FormattedPathRewrite(format);
  }
  return compilePrefixRewrite(message.prefixRewrite, matcher);
}

/** Null when the replacement is empty or unset. */
export function compilePrefixRewrite(
  replacement: string | undefined,
  matcher: PathMatcher,
): PathRewrite | null {
  if (replacement === undefined || replacement === "") return null;
  return new PrefixRewrite(matcher, toByteString(replacement));
}

/**
 * Compiles the host rewrite of a route action; null when it has none (auto_host_rewrite is the
 * router's).
 */
export function compileHostRewrite(
  message: RouteAction,
  formats: FormatParser,
  context: CompileContext,
): HostRewrite | null {
  if ((message.hostRewriteLiteral ?? "") !== "") {
    return new LiteralHostRewrite(toByteString(message.hostRewriteLiteral!));
  }
  if ((message.hostRewriteHeader ?? "") !== "") {
    return new HeaderHostRewrite(requestHeaderName(message.hostRewriteHeader!));
  }
  if (message.hostRewritePathRegex !== undefined) {
    const at = context.at("host_rewrite_path_regex");
    const regex = compileRegexRewrite(message.hostRewritePathRegex, at);
    return regex === null ? null : new PathRegexHostRewrite(regex);
  }
  if ((message.hostRewrite ?? "") === "") return null;
  const at = context.at("host_rewrite");
  // Envoy: a missing value gives "-" here, unlike in path_rewrite.
  const format = formats.parseText(message.hostRewrite!, { omitEmptyValues: false }, at);
  return format === null ? null : new FormattedHostRewrite(format);
}
