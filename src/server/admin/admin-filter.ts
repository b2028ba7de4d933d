/**
 * The terminal HTTP filter of the admin interface: collects the request, asks the endpoint table,
 * streams the answer in slices with back-pressure. Envoy: `Server::AdminFilter`.
 */
import { type RequestHeaderMap, ResponseHeaderMap } from "../../codec/header-map.ts";
import { Headers, headerName } from "../../codec/header-names.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpFilterCallbacks,
  WatermarkListener,
} from "../../http/http-filter.ts";
import type { AdminRequest, AdminResponse } from "./endpoint.ts";

/** Bodies of admin requests are small; more is refused. */
const BODY_MAX = 1 << 20;
const FORM = "application/x-www-form-urlencoded";
const CACHE_CONTROL = headerName("cache-control");
const CONTENT_OPTIONS = headerName("x-content-type-options");

/** A page may be made for this long before everybody else has a turn, in ms. */
const TURN_MS = 4;
/** How long the others have then, in ms. */
const PAUSE_MS = 1;

/** Answers requests; must not throw or reject. */
export type AdminDispatch = (request: AdminRequest) => Promise<AdminResponse>;

export class AdminFilter implements HttpFilter, WatermarkListener {
  private readonly callbacks: HttpFilterCallbacks;
  private readonly dispatch: AdminDispatch;
  private body = "";
  private destroyed = false;
  private refused = false;
  private blocked = false;
  private resume: (() => void) | null = null;

  constructor(callbacks: HttpFilterCallbacks, dispatch: AdminDispatch) {
    this.callbacks = callbacks;
    this.dispatch = dispatch;
  }

  decodeHeaders(_headers: RequestHeaderMap, endStream: boolean): FilterStatus {
    this.callbacks.addWatermarkListener(this);
    if (endStream) void this.answer();
    return "stop";
  }

  decodeData(bytes: Buffer, endStream: boolean): FilterStatus {
    if (this.refused) return "stop";
    this.body += bytes.toString("latin1");
    if (this.body.length > BODY_MAX) this.refuse();
    else if (endStream) void this.answer();
    return "stop";
  }

  decodeTrailers(): FilterStatus {
    if (!this.refused) void this.answer();
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

  private refuse(): void {
    this.refused = true;
    this.body = "";
    this.callbacks.sendLocalReply({
      status: 413,
      body: "Payload Too Large",
      details: "request_payload_too_large",
    });
  }

  /** Never rejects: a page that fails half way ends its stream. */
  private async answer(): Promise<void> {
    try {
      const response = await this.dispatch(toRequest(this.callbacks.requestHeaders, this.body));
      const { body } = response;
      this.callbacks.dispatcher.runEvent(() => {
        this.sendHead(response);
        if (typeof body === "string") this.sendSlice(body, true);
      });
      if (typeof body !== "string") await this.sendSlices(body);
      response.onSent?.();
    } catch (error) {
      this.callbacks.dispatcher.runEvent(() => this.fail(error));
    }
  }

  private fail(error: unknown): void {
    if (!this.destroyed) this.callbacks.resetStream();
    throw error;
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
    const { dispatcher } = this.callbacks;
    let turnEndsMs = dispatcher.monotonicMs() + TURN_MS;
    for await (const slice of slices) {
      if (this.destroyed) return;
      if (slice !== "") this.sendSlice(slice, false);
      if (this.blocked) await new Promise<void>((resolve) => (this.resume = resolve));
      else if (dispatcher.monotonicMs() >= turnEndsMs) await this.pause();
      else continue;
      turnEndsMs = dispatcher.monotonicMs() + TURN_MS;
    }
    this.sendSlice("", true);
  }

  /** Lets traffic, timers and everything else of this thread run. */
  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.callbacks.dispatcher.after(PAUSE_MS, resolve);
    });
  }

  private sendSlice(slice: string, endStream: boolean): void {
    if (this.destroyed) return;
    this.callbacks.dispatcher.runEvent(() =>
      this.callbacks.encodeData(Buffer.from(slice, "utf8"), endStream),
    );
  }
}

function toRequest(headers: RequestHeaderMap, body: string): AdminRequest {
  const mark = headers.path.indexOf("?");
  const path = mark < 0 ? headers.path : headers.path.slice(0, mark);
  let query = parseQuery(mark < 0 ? "" : headers.path.slice(mark + 1));
  // Forms of the home page: browsers send "+" for a space there.
  if (query.size === 0 && headers.get(Headers.ContentType) === FORM) {
    query = parseQuery(body.replaceAll("+", " "));
  }
  return { method: headers.method, target: headers.path, path, query };
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
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
