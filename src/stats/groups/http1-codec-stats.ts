/**
 * Stats of the HTTP/1 codec, `http1.*`. Envoy: ALL_HTTP1_CODEC_STATS.
 */
import type { Counter } from "../counter.ts";
import type { StatsScope } from "../stats-scope.ts";

/**
 * Process-wide.
 * `scope` is `http1`.
 */
export class Http1CodecStats {
  readonly droppedHeadersWithUnderscores: Counter;
  readonly metadataNotSupportedError: Counter;
  readonly requestsRejectedWithUnderscoresInHeaders: Counter;
  readonly responseFlood: Counter;

  constructor(scope: StatsScope) {
    this.droppedHeadersWithUnderscores = scope.counter("dropped_headers_with_underscores");
    this.metadataNotSupportedError = scope.counter("metadata_not_supported_error");
    this.requestsRejectedWithUnderscoresInHeaders = scope.counter(
      "requests_rejected_with_underscores_in_headers",
    );
    this.responseFlood = scope.counter("response_flood");
  }
}
