// hot: per request
/** How a response body is framed towards a client (RFC 9112 §6.1, §6.3). */
import type { ResponseHeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";
import type { BodyFraming } from "./head-writer.ts";

/**
 * The framing that the head announces. `chunked` in answer to HEAD is an announcement only: no
 * chunk follows. Envoy: `StreamEncoderImpl::encodeHeadersBase`.
 */
export function responseFraming(
  headers: ResponseHeaderMap,
  endStream: boolean,
  headRequest: boolean,
  http11: boolean,
): BodyFraming {
  const { status } = headers;
  if (status < 200 || status === 204) return "none";
  if (headers.has(Headers.ContentLength)) return "length";
  if (status === 304) return "none";
  if (endStream && !headRequest) return "zero-length";
  return http11 ? "chunked" : "none";
}
