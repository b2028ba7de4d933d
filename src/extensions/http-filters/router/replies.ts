/** Answers that the router makes itself. Envoy: source/common/router/router.cc. */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { LocalReply } from "../../../http/local-reply.ts";
import type { DirectResponseEntry } from "../../../route/route.ts";
import { resetBody, resetDetails, resetStatus } from "./reset-reason.ts";

export const NO_ROUTE: LocalReply = { status: 404, body: "", details: "route_not_found" };
export const NO_HOST: LocalReply = {
  status: 503,
  body: "no healthy upstream",
  details: "no_healthy_upstream",
};
export function maintenanceReply(announce: boolean): LocalReply {
  const reply = { status: 503, body: "maintenance mode", details: "maintenance_mode" };
  return announce ? { ...reply, modify: setOverloaded } : reply;
}

export function strictCheckReply(name: string, value: string): LocalReply {
  return {
    status: 400,
    body: `invalid header '${name}' with value '${value}'`,
    details: `request_headers_failed_strict_check{${name}}`,
  };
}

/** The upstream failed before its response began. */
export function resetReply(
  reason: StreamResetReason,
  transportFailure: string,
  announce: boolean,
): LocalReply {
  const reply = {
    status: resetStatus(reason),
    body: resetBody(reason, transportFailure),
    details: resetDetails("upstream_reset_before_response_started", reason, transportFailure),
  };
  return reason === "overflow" && announce ? { ...reply, modify: setOverloaded } : reply;
}

function setOverloaded(headers: ResponseHeaderMap): void {
  headers.set(Headers.EnvoyOverloaded, "true");
}

/** A redirect or a direct_response. */
export function directReply(
  entry: DirectResponseEntry,
  request: RequestHeaderMap,
  callbacks: HttpFilterCallbacks,
  insertOriginalPath: boolean,
): LocalReply {
  const { streamInfo } = callbacks;
  if (entry.redirect) entry.rewritePathHeader(request, insertOriginalPath);
  const location = entry.newUri(request);
  return {
    status: entry.status,
    body: entry.body(request, streamInfo),
    details: "direct_response",
    modify: (headers) => {
      if (location !== "") headers.set(Headers.Location, location);
      if (entry.contentType !== "") headers.set(Headers.ContentType, entry.contentType);
      entry.finalizeResponseHeaders(headers, request, streamInfo);
    },
  };
}
