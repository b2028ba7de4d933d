/**
 * The terminal HTTP filter of the admin interface: collects the request, asks the endpoint table,
 * streams the answer in slices with back-pressure. Envoy: `Server::AdminFilter`.
 */
import { ResponseHeaderMap, type RequestHeaderMap } from "../../codec/header-map.ts";
import { headerName, Headers } from "../../codec/header-names.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks, WatermarkListener } from "../../http/http-filter.ts";
import type { AdminRequest, AdminResponse } from "./endpoint.ts";

/** Bodies of admin requests are small; more is refused. */
const BODY_MAX = 1 << 20;
const CACHE_CONTROL = headerName("cache-control");
const CONTENT_OPTIONS = headerName("x-content-type-options");

/** Answers requests; must not throw. */
export type AdminDispatch = (request: AdminRequest) => Promise<AdminResponse>;

export class AdminFilter implements HttpFilter, WatermarkListener {
  private readonly callbacks: HttpFilterCallbacks;
  private readonly dispatch: AdminDispatch;
  private headers: RequestHeaderMap | null = null;
  private body = "";
  private destroyed = false;
  private blocked = false;
  private resume: (() => void) | null = null;

  constructor(callbacks: HttpFilterCallbacks, dispatch: AdminDispatch) {
    this.callbacks = callbacks;
    this.dispatch = dispatch;
  }

  decodeHeaders(headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    this.headers = headers;
    this.callbacks.addWatermarkListener(this);
    if (endStream) void this.answer();
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    this.body += bytes.toString("utf8");
    if (this.body.length > BODY_MAX) {
      this.callbacks.sendLocalReply({ status: 413, body: "Payload Too Large", details: "request_payload_too_large" });
    } else if (endStream) void this.answer();
    return "stop";
  }

  decodeTrailers(): FilterStatus {
    void this.answer();
    return "stop";
  }

  onDestroy(): void {
    this.destroyed = true;
    this.resume?.();
  }

  onAboveWriteBufferHighWatermark(): void {
    this.blocked = true;
  }

  onBelowWriteBufferLowWatermark(): void {
    this.blocked = false;
    this.resume?.();
  }

  private async answer(): Promise<void> {
    const headers = this.headers as RequestHeaderMap;
    const response = await this.dispatch(toRequest(headers, this.body));
    this.callbacks.dispatcher.runEvent(() => this.sendHead(response));
    if (typeof response.body === "string") this.sendSlice(response.body, true);
    else await this.sendSlices(response.body);
  }

  private sendHead(response: AdminResponse): void {
    if (this.destroyed) return;
    const headers = new ResponseHeaderMap();
    headers.status = response.status;
    headers.add(Headers.ContentType, response.contentType);
    headers.add(CACHE_CONTROL, "no-cache, max-age=0");
    headers.add(CONTENT_OPTIONS, "nosniff");
    this.callbacks.streamInfo.responseCodeDetails = "admin_filter_response";
    this.callbacks.encodeHeaders(headers, false);
  }

  private async sendSlices(slices: Iterable<string> | AsyncIterable<string>): Promise<void> {
    for await (const slice of slices) {
      if (this.destroyed) return;
      this.sendSlice(slice, false);
      if (this.blocked) await new Promise<void>((resolve) => (this.resume = resolve));
    }
    this.sendSlice("", true);
  }

  private sendSlice(slice: string, endStream: boolean): void {
    if (this.destroyed) return;
    this.callbacks.dispatcher.runEvent(() => this.callbacks.encodeData(Buffer.from(slice, "utf8"), endStream));
  }
}

function toRequest(headers: RequestHeaderMap, body: string): AdminRequest {
  const mark = headers.path.indexOf("?");
  const path = mark < 0 ? headers.path : headers.path.slice(0, mark);
  return { method: headers.method, path, query: parseQuery(mark < 0 ? "" : headers.path.slice(mark + 1)), body };
}

/** `a=1&b` → a: "1", b: "". The first value of a name counts. */
export function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const part of text.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    if (!query.has(name)) query.set(name, equals < 0 ? "" : decode(part.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
