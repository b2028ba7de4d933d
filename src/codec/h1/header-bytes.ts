// hot: per request
/**
 * Header bytes as Envoy's HTTP/1 codec counts them: without start line and empty line; received
 * lines without the space after the colon. Envoy: `BytesMeter`,
 * source/common/http/http1/codec_impl.cc.
 */
import type { HeaderMap } from "../header-map.ts";

/** `host` and what belongs to its line. */
export const HOST_BYTES = 7;
/** ":" and CRLF. */
const LINE_EXTRA = 3;
/** The empty line, and the end of the start line. */
const ENDS = 4;

/**
 * Of a head as it is written. `startLine` is the length of its first line: searching for its end
 * would flatten the text.
 */
export function headerBytes(head: string, startLine: number): number {
  return head.length - startLine - ENDS;
}

/** Of a head as it arrived. */
export function lineBytes(headers: HeaderMap): number {
  return headers.byteSize() + LINE_EXTRA * headers.size;
}
