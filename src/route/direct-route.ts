// hot: per request
/**
 * Routes that answer without an upstream: redirect, direct_response, and the redirect of
 * require_tls. Envoy: `DirectResponseEntry` in config_impl.cc, RFC 9110 §15.4.
 */
import { toByteString } from "../base/byte-string.ts";
import { portStart } from "../codec/authority.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileRegexRewrite } from "../config/matcher/regex-matcher.ts";
import type { Metadata, StreamInfo } from "../network/stream-info.ts";
import type {
  DirectResponseAction,
  RedirectAction,
  RedirectAction_RedirectResponseCode,
} from "../proto/generated/envoy/config/route/v3.ts";
import type { Formatter } from "./formatter.ts";
import type { HeaderMutations } from "./header-mutation.ts";
import type { PathMatcher } from "./path-matcher.ts";
import { NO_FILTER_CONFIGS } from "./per-filter-config.ts";
import { compilePrefixRewrite, type PathRewrite, RegexPathRewrite } from "./rewrite.ts";
import type { DirectResponseEntry, PerFilterConfigs, Route } from "./route.ts";
import { applyMutations, type RouteClock } from "./route-format.ts";
import type { RouteIdentity } from "./route-identity.ts";
import type { RouteServices } from "./route-services.ts";

/** How a redirect builds its location. */
export class Redirect {
  private readonly message: RedirectAction;
  private readonly port: string;
  private readonly path: string;
  readonly status: number;
  readonly pathRewrite: PathRewrite | null;

  constructor(message: RedirectAction, pathRewrite: PathRewrite | null) {
    this.message = message;
    this.port = (message.portRedirect ?? 0) === 0 ? "" : `:${message.portRedirect}`;
    this.path = toByteString(message.pathRedirect ?? "");
    this.status = STATUSES[message.responseCode ?? "MOVED_PERMANENTLY"];
    this.pathRewrite = pathRewrite;
  }

  location(headers: RequestHeaderMap): string {
    const scheme = this.scheme(headers);
    const host = this.message.hostRedirect ?? "";
    const authority = host === "" ? this.requestHost(headers, scheme) : toByteString(host);
    return `${scheme}://${authority}${this.port}${this.newPath(headers.path)}`;
  }

  private scheme(headers: RequestHeaderMap): string {
    const { schemeRedirect = "", httpsRedirect = false } = this.message;
    if (schemeRedirect !== "") return schemeRedirect;
    return httpsRedirect ? "https" : headers.scheme;
  }

  /**
   * Without its port when the redirect has one, or when it is the default port of a scheme left
   * behind.
   */
  private requestHost(headers: RequestHeaderMap, scheme: string): string {
    const host = headers.authority;
    const colon = portStart(host);
    if (colon < 0) return host;
    const port = host.slice(colon);
    const forwarded = headers.get(Headers.XForwardedProto) ?? "";
    const defaultPort = forwarded === "https" ? ":443" : forwarded === "http" ? ":80" : "";
    const drop = this.port !== "" || (scheme !== forwarded && port === defaultPort);
    return drop ? host.slice(0, colon) : host;
  }

  private newPath(requestPath: string): string {
    const ownQuery = this.path.includes("?");
    let path = requestPath;
    if (this.path !== "") {
      const query = requestPath.indexOf("?");
      path = ownQuery || query < 0 ? this.path : this.path + requestPath.slice(query);
    }
    if (!path.startsWith("/")) path = `/${path}`;
    const query = ownQuery || this.message.stripQuery !== true ? -1 : path.indexOf("?");
    return query < 0 ? path : path.slice(0, query);
  }
}

const STATUSES: Readonly<Record<RedirectAction_RedirectResponseCode, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

/** Body of a direct response: fixed, or formatted with the fixed text as %LOCAL_REPLY_BODY%. */
export interface DirectBody {
  readonly text: string;
  readonly format: Formatter | null;
  readonly contentType: string;
}

/** Where a direct response points when its status asks for a location: the request's own URL. */
const SAME_PLACE: Redirect = new Redirect({}, null);

const NO_BODY: DirectBody = { text: "", format: null, contentType: "" };

export class DirectRoute implements Route, DirectResponseEntry {
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly metadata: Metadata | null;
  readonly virtualHostMetadata: Metadata | null;
  readonly perFilterConfigs: PerFilterConfigs;
  readonly entry: null = null;
  readonly status: number;
  readonly redirect: boolean;
  private readonly target: Redirect;
  private readonly content: DirectBody;
  private readonly responseMutations: readonly HeaderMutations[];
  private readonly clock: RouteClock;

  constructor(
    identity: RouteIdentity,
    perFilterConfigs: PerFilterConfigs,
    action: Redirect | { readonly status: number; readonly body: DirectBody },
    responseMutations: readonly HeaderMutations[],
    clock: RouteClock,
  ) {
    this.routeName = identity.routeName;
    this.virtualHostName = identity.virtualHostName;
    this.metadata = identity.metadata;
    this.virtualHostMetadata = identity.virtualHostMetadata;
    this.perFilterConfigs = perFilterConfigs;
    this.status = action.status;
    this.redirect = action instanceof Redirect;
    this.target = action instanceof Redirect ? action : SAME_PLACE;
    this.content = action instanceof Redirect ? NO_BODY : action.body;
    this.responseMutations = responseMutations;
    this.clock = clock;
  }

  get directResponse(): DirectResponseEntry {
    return this;
  }

  get contentType(): string {
    return this.content.contentType;
  }

  rewritePathHeader(headers: RequestHeaderMap, insertOriginalPath: boolean): void {
    const rewrite = this.target.pathRewrite;
    const path = rewrite === null ? null : rewrite.rewrite(headers.path, null);
    if (path === null) return;
    if (insertOriginalPath) headers.set(Headers.EnvoyOriginalPath, headers.path);
    headers.path = path;
  }

  newUri(headers: RequestHeaderMap): string {
    const redirects = this.status === 201 || (this.status >= 300 && this.status <= 399);
    return redirects ? this.target.location(headers) : "";
  }

  body(headers: RequestHeaderMap, info: StreamInfo): string {
    const { text, format } = this.content;
    if (format === null) return text;
    info.localReplyBody = text;
    const body = format.format({
      streamInfo: info,
      requestHeaders: headers,
      responseHeaders: null,
      responseTrailers: null,
      logType: "NotSet",
      nowMs: this.clock.monotonicMs(),
    });
    info.localReplyBody = "";
    return body;
  }

  finalizeResponseHeaders(
    headers: ResponseHeaderMap,
    request: RequestHeaderMap,
    info: StreamInfo,
  ): void {
    applyMutations(this.responseMutations, headers, request, info, this.clock);
  }
}

/**
 * The answer of a virtual host that requires TLS to a plain request: 301 to the same place over
 * https.
 */
export const TLS_REDIRECT: Route = new DirectRoute(
  { routeName: "", virtualHostName: "", metadata: null, virtualHostMetadata: null },
  NO_FILTER_CONFIGS,
  new (class extends Redirect {
    override location(headers: RequestHeaderMap): string {
      return `https://${headers.authority}${headers.path}`;
    }
  })({}, null),
  [],
  { monotonicMs: (): number => 0 },
);

export function compileRedirect(
  message: RedirectAction,
  matcher: PathMatcher,
  context: CompileContext,
): Redirect | null {
  if (message.pathRedirect?.includes("?") === true && message.stripQuery === true) {
    context.warn("strip_query has no effect: path_redirect has a query of its own");
  }
  if (message.regexRewrite !== undefined) {
    const regex = compileRegexRewrite(message.regexRewrite, context.at("regex_rewrite"));
    return regex === null ? null : new Redirect(message, new RegexPathRewrite(regex));
  }
  return new Redirect(message, compilePrefixRewrite(message.prefixRewrite, matcher));
}

/** `maxBodyBytes` is the limit of the route configuration. */
export function compileDirectResponse(
  message: DirectResponseAction,
  maxBodyBytes: number,
  services: RouteServices,
  context: CompileContext,
): { readonly status: number; readonly body: DirectBody } | null {
  const status = message.status ?? 0;
  if (status < 200 || status > 599) {
    return context.at("status").error(`${status} is no status of a direct response`, "200 … 599");
  }
  const text = readBody(message, maxBodyBytes, services, context.at("body"));
  if (text === null) return null;
  const body = compileBodyFormat(message, text, services, context.at("body_format"));
  return body === null ? null : { status, body };
}

function readBody(
  message: DirectResponseAction,
  maxBodyBytes: number,
  services: RouteServices,
  context: CompileContext,
): string | null {
  const source = message.body;
  if (source === undefined) return "";
  let text: string;
  if (source.inlineString !== undefined) text = toByteString(source.inlineString);
  else {
    const bytes = source.inlineBytes ?? services.readDataSource(source, context);
    if (bytes === null) return null;
    text = Buffer.from(bytes).toString("latin1");
  }
  if (text.length <= maxBodyBytes) return text;
  return context.error(
    `The response body has ${text.length} bytes, more than ${maxBodyBytes}`,
    "raise max_direct_response_body_size_bytes of the route configuration",
  );
}

function compileBodyFormat(
  message: DirectResponseAction,
  text: string,
  services: RouteServices,
  context: CompileContext,
): DirectBody | null {
  const spec = message.bodyFormat;
  if (spec === undefined) return { text, format: null, contentType: "" };
  const options = { omitEmptyValues: spec.omitEmptyValues === true };
  let format: Formatter | null;
  const contentType = spec.contentType ?? "";
  if (spec.jsonFormatOptions !== undefined) {
    context
      .at("json_format_options")
      .warn("It has no effect: the properties of JSON objects are always sorted");
  }
  if (spec.jsonFormat !== undefined) {
    format = services.formats.parseJson(spec.jsonFormat, options, context.at("json_format"));
  } else if (spec.textFormat !== undefined) {
    format = services.formats.parseText(spec.textFormat, options, context.at("text_format"));
  } else if (spec.textFormatSource?.inlineString !== undefined) {
    const at = context.at("text_format_source");
    format = services.formats.parseText(spec.textFormatSource.inlineString, options, at);
  } else {
    const source = spec.textFormatSource ?? {};
    const at = context.at("text_format_source");
    const bytes = source.inlineBytes ?? services.readDataSource(source, at);
    if (bytes === null) return null;
    format = services.formats.parseText(Buffer.from(bytes).toString("utf8"), options, at);
  }
  return format === null ? null : { text, format, contentType };
}
