/**
 * Copies of a request that go elsewhere, as the router feeds them. Envoy: `shadow_streams_` of
 * `Router::Filter`, `request_mirror_policies`.
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";

export interface Shadows {
  /** The head as the upstream gets it; it is changed afterwards. */
  onHeaders(headers: RequestHeaderMap, endStream: boolean): void;
  /** `bytes` is borrowed. */
  onData(bytes: Buffer, endStream: boolean): void;
  onTrailers(trailers: HeaderMap): void;
  /** The request ended before it was complete: copies under way are given up. */
  onDestroy(): void;
}
