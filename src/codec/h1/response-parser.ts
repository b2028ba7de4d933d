// hot: per request
/**
 * Parses a response head: status line (RFC 9112 §4), fields, framing by request method and status
 * (RFC 9112 §6.3). The result stands in fields of the parser until the next call.
 */
import { latin1Slice } from "../../base/latin1.ts";
import { ResponseHeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";
import { joinRepeated } from "../inline-headers.ts";
import { CR, FIELD_VALUE, LF, SP } from "./characters.ts";
import { bodyLength, framingFailure, INVALID, NO_LENGTH } from "./framing.ts";
import {
  FAILED,
  INCOMPLETE,
  scanFailure,
  scanFields,
  takeFields,
  takeOriginalNames,
} from "./head-parser.ts";
import {
  CODEC_ERROR,
  CONTENT_LENGTH_NOT_ALLOWED,
  HEADERS_TOO_LARGE,
  type Http1Error,
} from "./protocol-error.ts";
import type { Http1Settings } from "./settings.ts";

const VERSION = "HTTP/1.";
/** `HTTP/1.1 200`. */
const STATUS_END = 12;

export class ResponseParser {
  readonly settings: Http1Settings;
  headers: ResponseHeaderMap = new ResponseHeaderMap();
  /**
   * Bytes, or NO_LENGTH (until close), CHUNKED of framing.ts. Judge `bodiless` statuses and methods
   * first.
   */
  bodyLength = 0;
  http11 = true;
  error: Http1Error = CODEC_ERROR;

  constructor(settings: Http1Settings) {
    this.settings = settings;
  }

  /** Offset after the head, `INCOMPLETE` or `FAILED`. */
  parse(bytes: Buffer, start: number, end: number): number {
    const prefix = Math.min(end - start, VERSION.length);
    for (let index = 0; index < prefix; index++) {
      if (bytes[start + index] !== VERSION.charCodeAt(index)) return this.fail(CODEC_ERROR);
    }
    const lineEnd = this.scanStatusLine(bytes, start, end);
    if (lineEnd <= 0) return lineEnd;
    const headEnd = scanFields(bytes, lineEnd, end, this.settings.maxHeadersCount);
    if (headEnd === FAILED) return this.fail(scanFailure());
    const size = (headEnd === INCOMPLETE ? end : headEnd) - start;
    if (size > this.settings.maxHeadersBytes) return this.fail(HEADERS_TOO_LARGE);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    return this.take(bytes, start, lineEnd, headEnd);
  }

  /** Offset after the status line. */
  private scanStatusLine(bytes: Buffer, start: number, end: number): number {
    if (end - start <= STATUS_END) return INCOMPLETE;
    let at = start + STATUS_END;
    if (bytes[at] !== SP && bytes[at] !== CR) return this.fail(CODEC_ERROR);
    while (at < end && FIELD_VALUE[bytes[at] as number] === 1) at++;
    if (at + 1 >= end)
      return at - start > this.settings.maxHeadersBytes ? this.fail(HEADERS_TOO_LARGE) : INCOMPLETE;
    return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : this.fail(CODEC_ERROR);
  }

  private take(bytes: Buffer, start: number, lineEnd: number, headEnd: number): number {
    const minor = bytes[start + 7];
    if ((minor !== 48 && minor !== 49) || bytes[start + 8] !== SP) return this.fail(CODEC_ERROR);
    this.http11 = minor === 49;
    const headers = new ResponseHeaderMap();
    this.headers = headers;
    headers.status = statusCode(bytes, start + 9);
    if (headers.status === 0) return this.fail(CODEC_ERROR);
    const section = latin1Slice(bytes, lineEnd, headEnd);
    const repeated = takeFields(section, 0, headers);
    if (this.settings.headerCase === "preserve")
      headers.originalNames = takeOriginalNames(section, 0);
    this.bodyLength = bodyLength(headers, true, this.settings.allowChunkedLength);
    if (this.bodyLength === INVALID) return this.fail(framingFailure());
    if (!mayFrame(headers, this.bodyLength)) return this.fail(CONTENT_LENGTH_NOT_ALLOWED);
    if (repeated) joinRepeated(headers, "response");
    return headEnd;
  }

  private fail(error: Http1Error): number {
    this.error = error;
    return FAILED;
  }
}

/** 1xx and 204 have no body, and so no framing (RFC 9110 §8.6, RFC 9112 §6.1). */
function mayFrame(headers: ResponseHeaderMap, length: number): boolean {
  const { status } = headers;
  if (length === NO_LENGTH || (status >= 200 && status !== 204)) return true;
  if (length === 0) headers.remove(Headers.ContentLength);
  return length === 0;
}

/** Three digits, 100 … 999; 0 for anything else. */
function statusCode(bytes: Buffer, at: number): number {
  let status = 0;
  for (let index = 0; index < 3; index++) {
    const digit = (bytes[at + index] as number) - 48;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status >= 100 ? status : 0;
}
