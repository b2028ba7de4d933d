// hot: per request
/** A stream as formats in HTTP filters see it. Envoy: `HttpFormatterContext`. */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../codec/header-map.ts";
import type { HttpFilterCallbacks } from "../../http/http-filter.ts";
import type { StreamInfo } from "../../network/stream-info.ts";
import type { AccessLogType, FormatterContext } from "../../route/formatter.ts";

export class FilterFormatterContext implements FormatterContext {
  readonly logType: AccessLogType = "NotSet";
  responseTrailers: HeaderMap | null = null;
  private readonly callbacks: HttpFilterCallbacks;

  constructor(callbacks: HttpFilterCallbacks) {
    this.callbacks = callbacks;
  }

  get streamInfo(): StreamInfo {
    return this.callbacks.streamInfo;
  }

  get requestHeaders(): RequestHeaderMap | null {
    return this.callbacks.requestHeaders;
  }

  get responseHeaders(): ResponseHeaderMap | null {
    return this.callbacks.responseHeaders;
  }

  get nowMs(): number {
    return this.callbacks.dispatcher.nowMs;
  }
}
