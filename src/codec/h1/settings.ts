/**
 * What an HTTP/1 connection allows. Envoy: `Http1ProtocolOptions`, and limits of the connection
 * manager or cluster.
 */

export type HeadersWithUnderscoresAction = "ALLOW" | "REJECT_REQUEST" | "DROP_HEADER";

/** How header names are written. `preserve` is Envoy's stateful formatter `preserve_case`. */
export type HeaderCase = "lower" | "proper" | "preserve";

export interface Http1Settings {
  /** Whole head (and trailers) in bytes. */
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  /** HTTP/1.0 requests are served; otherwise 426. */
  readonly acceptHttp10: boolean;
  /** Host for HTTP/1.0 requests without one; "" = none. */
  readonly defaultHostForHttp10: string;
  /** Targets in absolute form are taken apart; otherwise they reach routing as they are. */
  readonly allowAbsoluteUrl: boolean;
  /** Trailers are passed on; otherwise checked and dropped. */
  readonly enableTrailers: boolean;
  /** Transfer-Encoding together with Content-Length: the length is dropped instead of 400. */
  readonly allowChunkedLength: boolean;
  readonly headersWithUnderscores: HeadersWithUnderscoresAction;
  readonly headerCase: HeaderCase;
  /** An https URL in the request line of a plain-text connection is refused with 403. */
  readonly refuseHttpsUrl: boolean;
  /** Upgrade types that are ignored (`ignore_http_11_upgrade`); null = only h2c. */
  readonly ignoresUpgrade: ((type: string) => boolean) | null;
  /** Client side: the request line carries scheme and host. */
  readonly sendFullyQualifiedUrl: boolean;
}

/** Envoy's defaults. */
export const DEFAULT_HTTP1_SETTINGS: Http1Settings = {
  maxHeadersBytes: 60 * 1024,
  maxHeadersCount: 100,
  acceptHttp10: false,
  defaultHostForHttp10: "",
  allowAbsoluteUrl: true,
  enableTrailers: false,
  allowChunkedLength: false,
  headersWithUnderscores: "ALLOW",
  headerCase: "lower",
  refuseHttpsUrl: false,
  ignoresUpgrade: null,
  sendFullyQualifiedUrl: false,
};
