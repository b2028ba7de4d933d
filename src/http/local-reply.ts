/**
 * An answer that the proxy makes itself. Envoy: `Utility::sendLocalReply`
 * (source/common/http/utility.cc), `LocalReply`.
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { FormatterContext } from "../route/formatter.ts";
import type { Route } from "../route/route.ts";

export interface LocalReply {
  readonly status: number;
  readonly body: string;
  /** response_code_details, e.g. `route_not_found`. */
  readonly details: string;
  /** Explicit grpc-status for gRPC requests; derived from `status` when absent. */
  readonly grpcStatus?: number;
  /** Changes the head before local_reply_config sees it. */
  readonly modify?: (headers: ResponseHeaderMap) => void;
}

/** The answer of a listener or cluster that is configured for HTTP/2. */
export const HTTP2_NOT_SUPPORTED: LocalReply = {
  status: 503,
  body: "http2 is not supported yet",
  details: "http2_not_supported",
};

/** `local_reply_config`, compiled: may change status, body, headers. */
export interface LocalReplyMapper {
  /** Returns body and content type; changes `headers` in place. */
  rewrite(headers: ResponseHeaderMap, body: string, context: FormatterContext): RewrittenBody;
}

export interface RewrittenBody {
  readonly body: string;
  readonly contentType: string;
}

/** No local_reply_config: bodies are plain text. */
export const PLAIN_LOCAL_REPLIES: LocalReplyMapper = {
  rewrite: (_headers, body) => ({ body, contentType: "text/plain" }),
};

/** Head and body of a local reply as they enter the encoder chain. */
export interface BuiltReply {
  readonly headers: ResponseHeaderMap;
  readonly body: string;
}

/**
 * gRPC clients get a trailers-only answer; others the status, with a body unless it is empty. With
 * a `route` that forwards, the reply gets its response headers, as a forwarded answer would.
 */
export function buildLocalReply(
  reply: LocalReply,
  request: RequestHeaderMap | null,
  mapper: LocalReplyMapper,
  context: FormatterContext,
  route: Route | null = null,
): BuiltReply {
  const headers = new ResponseHeaderMap();
  headers.status = reply.status;
  if (request !== null) route?.entry?.finalizeResponseHeaders(headers, request, context.streamInfo);
  reply.modify?.(headers);
  const rewritten = mapper.rewrite(headers, reply.body, context);
  if (request !== null && isGrpc(request)) return grpcReply(headers, reply, rewritten, request);
  if (rewritten.body !== "") {
    headers.set(Headers.ContentLength, String(byteLength(rewritten.body)));
    headers.set(Headers.ContentType, headers.get(Headers.ContentType) ?? rewritten.contentType);
  }
  const body = request?.method === "HEAD" ? "" : rewritten.body;
  return { headers, body };
}

/** content-type `application/grpc`, alone or with a `+` or `;` part. */
export function isGrpc(headers: RequestHeaderMap): boolean {
  if ((headers.seen & Headers.ContentType.bit) === 0) return false;
  const type = headers.get(Headers.ContentType);
  if (type === undefined || !type.startsWith("application/grpc")) return false;
  const next = type[16];
  return next === undefined || next === "+" || next === ";";
}

function grpcReply(
  headers: ResponseHeaderMap,
  reply: LocalReply,
  { body, contentType }: RewrittenBody,
  request: RequestHeaderMap,
): BuiltReply {
  const status = reply.grpcStatus ?? httpToGrpcStatus(headers.status);
  headers.status = 200;
  headers.remove(Headers.ContentLength);
  headers.set(Headers.ContentType, "application/grpc");
  headers.set(Headers.GrpcStatus, String(status));
  // JSON formats end the line; a header value does not.
  const endsLine = contentType === "application/json" && body.endsWith("\n");
  const message = endsLine ? body.slice(0, -1) : body;
  if (message !== "" && request.method !== "HEAD")
    headers.set(Headers.GrpcMessage, percentEncode(message));
  return { headers, body: "" };
}

/** Envoy: `Grpc::Utility::httpToGrpcStatus`. */
export function httpToGrpcStatus(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** gRPC's percent-encoding of grpc-message: everything but printable ASCII, and "%". */
function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) =>
    Array.from(
      Buffer.from(character, "latin1"),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}

function byteLength(latin1Text: string): number {
  return latin1Text.length;
}
