// hot: per request
/**
 * Parses a request head: start line (RFC 9112 §3), fields, target forms, Host, framing. The result
 * stands in fields of the parser until the next call, so one parser serves all connections of a
 * listener.
 */
import { latin1Slice } from "../../base/latin1.ts";
import { isValidAuthority } from "../authority.ts";
import { RequestHeaderMap } from "../header-map.ts";
import { Headers } from "../header-names.ts";
import { joinRepeated } from "../inline-headers.ts";
import { CR, LF, SP, TARGET, TOKEN } from "./characters.ts";
import { sanitizeConnection } from "./connection-header.ts";
import { bodyLength, CHUNKED, framingFailure, INVALID, NO_LENGTH } from "./framing.ts";
import {
  FAILED,
  INCOMPLETE,
  scanFailure,
  scanFields,
  takeFields,
  takeOriginalNames,
} from "./head-parser.ts";
import {
  BODY_DISALLOWED,
  CODEC_ERROR,
  CONNECTION_HEADER_REJECTED,
  HEADERS_TOO_LARGE,
  HTTPS_IN_PLAINTEXT,
  type Http1Error,
  INVALID_AUTHORITY,
  INVALID_TRANSFER_ENCODING,
  LOW_VERSION,
  UNEXPECTED_UNDERSCORE,
} from "./protocol-error.ts";
import { splitTarget } from "./request-target.ts";
import type { Http1Settings } from "./settings.ts";
import { isUpgrade, removeUpgrade } from "./upgrade.ts";

/** Methods that Envoy's parser knows; others are refused as it does. */
const METHODS: ReadonlySet<string> = new Set(
  (
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND " +
    "REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE MKCALENDAR LINK UNLINK"
  ).split(" "),
);

const VERSION_LENGTH = 8;

export class RequestParser {
  readonly settings: Http1Settings;
  /** Results of the last successful `parse`. */
  headers: RequestHeaderMap = new RequestHeaderMap();
  /** Bytes, or NO_LENGTH, CHUNKED of framing.ts. */
  bodyLength = 0;
  http11 = true;
  /** CONNECT, or a request for another protocol: what follows head and body is not HTTP. */
  tunnel = false;
  /** Headers left out of the last head for their underscores. */
  droppedHeaders = 0;
  /** `PRI * HTTP/2.0`: an HTTP/2 client (RFC 9113 §3.4). */
  http2Preface = false;
  /** Result of a failed `parse`. */
  error: Http1Error = CODEC_ERROR;

  constructor(settings: Http1Settings) {
    this.settings = settings;
  }

  /** Offset after the head, `INCOMPLETE` or `FAILED`. */
  parse(bytes: Buffer, from: number, end: number): number {
    this.http2Preface = false;
    this.droppedHeaders = 0;
    let start = from;
    while (start + 1 < end && bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    const methodEnd = this.scanMethod(bytes, start, end);
    if (methodEnd <= 0) return methodEnd;
    const targetEnd = scanTarget(bytes, methodEnd + 1, end);
    if (targetEnd === INCOMPLETE) return INCOMPLETE;
    if (targetEnd === FAILED) return this.fail(CODEC_ERROR);
    const lineEnd = targetEnd + 1 + VERSION_LENGTH;
    if (lineEnd + 2 > end) return INCOMPLETE;
    if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) return this.fail(CODEC_ERROR);
    const headEnd = scanFields(bytes, lineEnd + 2, end, this.settings.maxHeadersCount);
    if (headEnd === INCOMPLETE) return this.incomplete(start, end);
    if (headEnd === FAILED) return this.fail(scanFailure());
    if (headEnd - start > this.settings.maxHeadersBytes) return this.fail(HEADERS_TOO_LARGE);
    return this.take(bytes, start, methodEnd, targetEnd, headEnd);
  }

  private incomplete(start: number, end: number): number {
    return end - start > this.settings.maxHeadersBytes ? this.fail(HEADERS_TOO_LARGE) : INCOMPLETE;
  }

  private scanMethod(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && TOKEN[bytes[at] as number] === 1) at++;
    if (at === end) return INCOMPLETE;
    return bytes[at] === SP && at > start ? at : this.fail(CODEC_ERROR);
  }

  private take(
    bytes: Buffer,
    start: number,
    methodEnd: number,
    targetEnd: number,
    headEnd: number,
  ): number {
    const lineEnd = targetEnd + 1 + VERSION_LENGTH;
    const head = latin1Slice(bytes, start, headEnd);
    const method = head.slice(0, methodEnd - start);
    const target = head.slice(methodEnd + 1 - start, targetEnd - start);
    if (!this.takeVersion(head.slice(targetEnd + 1 - start, lineEnd - start), method))
      return FAILED;
    if (!METHODS.has(method)) return this.fail(CODEC_ERROR);
    const headers = new RequestHeaderMap();
    this.headers = headers;
    headers.method = method;
    const fields = lineEnd + 2 - start;
    const repeated = takeFields(head, fields, headers);
    if (this.settings.headerCase === "preserve")
      headers.originalNames = takeOriginalNames(head, fields);
    if (!this.check(headers, target)) return FAILED;
    if (repeated) joinRepeated(headers, "request");
    return headEnd;
  }

  private takeVersion(version: string, method: string): boolean {
    this.http11 = version === "HTTP/1.1";
    if (this.http11) return true;
    if (version === "HTTP/1.0") return this.settings.acceptHttp10 || this.refuse(LOW_VERSION);
    this.http2Preface = version === "HTTP/2.0" && method === "PRI";
    return this.refuse(CODEC_ERROR);
  }

  private check(headers: RequestHeaderMap, target: string): boolean {
    if (this.settings.headersWithUnderscores !== "ALLOW" && !this.checkUnderscores(headers))
      return false;
    if (!this.takeHost(headers)) return false;
    this.bodyLength = bodyLength(headers, this.http11, this.settings.allowChunkedLength);
    if (this.bodyLength === INVALID) return this.refuse(framingFailure());
    if (!this.takeTunnel(headers)) return false;
    if (!this.tunnel && (headers.seen & Headers.Connection.bit) !== 0) {
      if (!sanitizeConnection(headers)) return this.refuse(CONNECTION_HEADER_REJECTED);
    }
    const wrong = splitTarget(headers, target, this.settings.allowAbsoluteUrl);
    if (wrong !== null) return this.refuse(wrong);
    if (headers.scheme === "https" && this.settings.refuseHttpsUrl) {
      return this.refuse(HTTPS_IN_PLAINTEXT);
    }
    return isValidAuthority(headers.authority) || this.refuse(INVALID_AUTHORITY);
  }

  /**
   * CONNECT carries no body (RFC 9110 §9.3.6). An upgrade with a chunked body is served as a plain
   * request: the server may ignore it (RFC 9110 §7.8).
   */
  private takeTunnel(headers: RequestHeaderMap): boolean {
    this.tunnel = headers.method === "CONNECT";
    if (this.tunnel) {
      if (this.bodyLength === CHUNKED) return this.refuse(INVALID_TRANSFER_ENCODING);
      if (this.bodyLength > 0) return this.refuse(BODY_DISALLOWED);
      if (this.bodyLength === 0) headers.remove(Headers.ContentLength);
      this.bodyLength = NO_LENGTH;
    } else if (isUpgrade(headers)) {
      this.tunnel = this.bodyLength !== CHUNKED && !this.ignoresUpgrade(headers);
      if (!this.tunnel) removeUpgrade(headers);
    }
    return true;
  }

  private ignoresUpgrade(headers: RequestHeaderMap): boolean {
    const type = headers.get(Headers.Upgrade) as string;
    return type.toLowerCase() === "h2c" || this.settings.ignoresUpgrade?.(type) === true;
  }

  /**
   * Host moves into `authority`: exactly one (RFC 9112 §3.2); a missing one is judged by the
   * connection manager.
   */
  private takeHost(headers: RequestHeaderMap): boolean {
    const index = headers.names.indexOf(Headers.Host);
    if (index < 0) {
      if (!this.http11) headers.authority = this.settings.defaultHostForHttp10;
      return true;
    }
    if (headers.names.indexOf(Headers.Host, index + 1) >= 0) return this.refuse(CODEC_ERROR);
    headers.authority = headers.values[index] as string;
    const names = headers.originalNames;
    if (names !== null) headers.originalHostName = names[index] as string;
    headers.removeAt(index);
    return true;
  }

  private checkUnderscores(headers: RequestHeaderMap): boolean {
    if (!headers.names.some((name) => name.text.includes("_"))) return true;
    if (this.settings.headersWithUnderscores === "REJECT_REQUEST") {
      return this.refuse(UNEXPECTED_UNDERSCORE);
    }
    const before = headers.size;
    headers.removeIf((name) => name.text.includes("_"));
    this.droppedHeaders = before - headers.size;
    return true;
  }

  private refuse(error: Http1Error): boolean {
    this.error = error;
    return false;
  }

  private fail(error: Http1Error): number {
    this.error = error;
    return FAILED;
  }
}

/** Offset of the space after the target. */
function scanTarget(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && TARGET[bytes[at] as number] === 1) at++;
  if (at === end) return INCOMPLETE;
  return bytes[at] === SP && at > start ? at : FAILED;
}
