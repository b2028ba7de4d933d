// hot: per request
/**
 * How long a message body is, from its headers: exactly one answer or an error (RFC 9112 §6.3).
 * Anything that two recipients could read differently is refused: repeated or signed lengths,
 * unknown codings, both framing headers.
 */
import type { HeaderMap } from "../header-map.ts";
import { type HeaderName, Headers } from "../header-names.ts";
import {
  CODEC_ERROR,
  type Http1Error,
  INVALID_TRANSFER_ENCODING,
  LENGTH_AND_CHUNKED,
  TRANSFER_ENCODING_NOT_ALLOWED,
} from "./protocol-error.ts";

/** Body length answers besides a byte count. */
export const NO_LENGTH = -1;
export const CHUNKED = -2;
export const INVALID = -3;

const FRAMING_BITS = Headers.TransferEncoding.bit | Headers.ContentLength.bit;
/** Fifteen digits: every value is an exact number. */
const LENGTH_DIGITS_MAX = 15;

let failure: Http1Error = CODEC_ERROR;

export function framingFailure(): Http1Error {
  return failure;
}

/** Bytes, `NO_LENGTH`, `CHUNKED`, or `INVALID` (then see `framingFailure`). */
export function bodyLength(
  headers: HeaderMap,
  http11: boolean,
  allowChunkedLength: boolean,
): number {
  if ((headers.seen & FRAMING_BITS) === 0) return NO_LENGTH;
  const coding = single(headers, Headers.TransferEncoding);
  const length = single(headers, Headers.ContentLength);
  if (coding === REPEATED) return fail(INVALID_TRANSFER_ENCODING);
  if (length === REPEATED) return fail(CODEC_ERROR);
  if (coding !== null)
    return chunkedLength(headers, coding, length !== null, http11, allowChunkedLength);
  return length === null ? NO_LENGTH : parseLength(length);
}

function chunkedLength(
  headers: HeaderMap,
  coding: string,
  hasLength: boolean,
  http11: boolean,
  allowChunkedLength: boolean,
): number {
  if (coding.toLowerCase() !== "chunked") return fail(INVALID_TRANSFER_ENCODING);
  if (!http11) return fail(TRANSFER_ENCODING_NOT_ALLOWED);
  if (hasLength && !allowChunkedLength) return fail(LENGTH_AND_CHUNKED);
  if (hasLength) headers.remove(Headers.ContentLength);
  return CHUNKED;
}

/** Digits only: no sign, no list, no blank. */
function parseLength(text: string): number {
  if (text.length === 0 || text.length > LENGTH_DIGITS_MAX) return fail(CODEC_ERROR);
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return fail(CODEC_ERROR);
    value = value * 10 + digit;
  }
  return value;
}

const REPEATED = "\0repeated";

function single(headers: HeaderMap, name: HeaderName): string | null {
  if ((headers.seen & name.bit) === 0) return null;
  const index = headers.names.indexOf(name);
  if (index < 0) return null;
  return headers.names.indexOf(name, index + 1) < 0 ? (headers.values[index] as string) : REPEATED;
}

function fail(error: Http1Error): number {
  failure = error;
  return INVALID;
}
