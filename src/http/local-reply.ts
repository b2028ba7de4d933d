/** An answer that the proxy makes itself. Envoy: `sendLocalReply` (source/common/http/utility.cc). */
import type { ResponseHeaderMap } from "../codec/header-map.ts";

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
