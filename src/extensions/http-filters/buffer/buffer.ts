// hot: per chunk
/**
 * Holds a request until it is complete, and gives it a content-length. Envoy:
 * `envoy.filters.http.buffer` (source/extensions/filters/http/buffer). More than max_request_bytes
 * is answered with 413.
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type {
  BufferPerRoute,
  Buffer as Message,
} from "../../../proto/generated/envoy/extensions/filters/http/buffer/v3.ts";

interface Config {
  readonly disabled: boolean;
  readonly maxRequestBytes: number;
}

export function bufferFilter(): HttpFilterType {
  return defineHttpFilter<Message, Config, BufferPerRoute, Config>({
    name: "envoy.filters.http.buffer",
    messages: ["envoy.extensions.filters.http.buffer.v3.Buffer"],
    routeMessages: ["envoy.extensions.filters.http.buffer.v3.BufferPerRoute"],
    compile,
    compileRoute,
    createFactory: (config) => ({
      create: (callbacks): HttpFilter => new BufferFilter(config, callbacks),
    }),
  });
}

function compile(message: Message, context: CompileContext): Config | null {
  if ((message.maxRequestBytes ?? 0) > 0) {
    return { disabled: false, maxRequestBytes: message.maxRequestBytes! };
  }
  return context
    .at("max_request_bytes")
    .error("The limit must be at least 1", "set max_request_bytes");
}

function compileRoute(message: BufferPerRoute, context: CompileContext): Config | null {
  if (message.buffer !== undefined) return compile(message.buffer, context.at("buffer"));
  if (message.disabled === true) return { disabled: true, maxRequestBytes: 0 };
  return context.error("The override is empty", "set buffer, or disabled: true");
}

class BufferFilter implements HttpFilter {
  private readonly config: Config;
  private readonly callbacks: HttpFilterCallbacks;
  /** Set while this request is held. */
  private headers: RequestHeaderMap | null = null;
  private bytes = 0;

  constructor(config: Config, callbacks: HttpFilterCallbacks) {
    this.config = config;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    if (endStream) return "continue";
    const config = (this.callbacks.routeConfig() as Config | null) ?? this.config;
    if (config.disabled) return "continue";
    this.callbacks.setDecoderBufferLimit(config.maxRequestBytes);
    this.headers = headers;
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (this.headers === null) return "continue";
    this.bytes += bytes.length;
    if (!endStream) return "stop-and-buffer";
    this.addContentLength(this.headers);
    return "continue";
  }

  decodeTrailers(_trailers: HeaderMap): FilterStatus {
    if (this.headers !== null) this.addContentLength(this.headers);
    return "continue";
  }

  private addContentLength(headers: RequestHeaderMap): void {
    if (!headers.has(Headers.ContentLength)) headers.set(Headers.ContentLength, String(this.bytes));
  }
}
