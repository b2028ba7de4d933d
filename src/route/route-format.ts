// hot: per request
/** Applies the header mutations of a route, with one reusable formatter context. */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type { AccessLogType, FormatterContext } from "./formatter.ts";
import type { HeaderMutations } from "./header-mutation.ts";

/** The part of a TimeSource that formats of routes need. */
export interface RouteClock {
  monotonicMs(): number;
}

class RouteFormatterContext implements FormatterContext {
  requestHeaders: RequestHeaderMap | null = null;
  responseHeaders: ResponseHeaderMap | null = null;
  readonly responseTrailers: HeaderMap | null = null;
  readonly logType: AccessLogType = "NotSet";
  private info: StreamInfo | null = null;
  private clock: RouteClock | null = null;

  get streamInfo(): StreamInfo {
    return this.info!;
  }

  /** Read only when a format asks for a duration. */
  get nowMs(): number {
    return this.clock!.monotonicMs();
  }

  fill(
    request: RequestHeaderMap,
    response: ResponseHeaderMap | null,
    info: StreamInfo,
    clock: RouteClock,
  ): this {
    this.requestHeaders = request;
    this.responseHeaders = response;
    this.info = info;
    this.clock = clock;
    return this;
  }
}

const shared = new RouteFormatterContext();

/** The context of a request; valid until the next call. */
export function requestFormatContext(
  headers: RequestHeaderMap,
  info: StreamInfo,
  clock: RouteClock,
): FormatterContext {
  return shared.fill(headers, null, info, clock);
}

/** Applies levels in order to response headers. */
export function applyMutations(
  mutations: readonly HeaderMutations[],
  headers: ResponseHeaderMap,
  request: RequestHeaderMap,
  info: StreamInfo,
  clock: RouteClock,
): void {
  if (mutations.length === 0) return;
  const context = shared.fill(request, headers, info, clock);
  for (let index = 0; index < mutations.length; index++) mutations[index]!.apply(headers, context);
}
