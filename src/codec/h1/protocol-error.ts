/**
 * What can be wrong with an HTTP/1 message: one value per fault, so that the parser returns a
 * reference and throws nothing.
 */

export interface Http1Error {
  /** Status for the client when a request is at fault. */
  readonly status: number;
  /** response_code_details, Envoy's words. */
  readonly details: string;
  /** Whether it speaks of one header size or count (counted apart). */
  readonly tooLarge: boolean;
}

function error(status: number, details: string, tooLarge: boolean = false): Http1Error {
  return { status, details, tooLarge };
}

/** Malformed syntax. Envoy prints the same word for everything its parser refuses. */
export const CODEC_ERROR: Http1Error = error(400, "http1.codec_error");
export const INVALID_CHARACTERS: Http1Error = error(400, "http1.invalid_characters");
export const INVALID_URL: Http1Error = error(400, "http1.invalid_url");
export const INVALID_SCHEME: Http1Error = error(400, "http1.invalid_scheme");
export const INVALID_TRANSFER_ENCODING: Http1Error = error(501, "http1.invalid_transfer_encoding");
export const TRANSFER_ENCODING_NOT_ALLOWED: Http1Error = error(
  400,
  "http1.transfer_encoding_not_allowed",
);
export const LENGTH_AND_CHUNKED: Http1Error = error(
  400,
  "http1.content_length_and_chunked_not_allowed",
);
export const CONTENT_LENGTH_NOT_ALLOWED: Http1Error = error(
  400,
  "http1.content_length_not_allowed",
);
export const CONNECTION_HEADER_REJECTED: Http1Error = error(
  400,
  "http1.connection_header_rejected",
);
export const UNEXPECTED_UNDERSCORE: Http1Error = error(400, "http1.unexpected_underscore");
export const HEADERS_TOO_LARGE: Http1Error = error(431, "http1.headers_too_large", true);
export const TOO_MANY_HEADERS: Http1Error = error(431, "http1.too_many_headers", true);
/** An https URL over plain text at the edge. */
export const HTTPS_IN_PLAINTEXT: Http1Error = error(403, "http1.https_url_on_plaintext_connection");
/** A Host or authority with bytes that none may hold. */
export const INVALID_AUTHORITY: Http1Error = error(400, "http.invalid_authority");
export const BODY_DISALLOWED: Http1Error = error(400, "http1.body_disallowed");
/** An HTTP/1.0 request where only HTTP/1.1 is served. */
export const LOW_VERSION: Http1Error = error(426, "low_version");
