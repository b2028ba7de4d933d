/** Answers that the router makes itself. Envoy: source/common/router/router.cc. */
import type { StreamResetReason } from "../../../codec/codec.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers, headerName } from "../../../codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { LocalReply } from "../../../http/local-reply.ts";
import type { DirectResponseEntry } from "../../../route/route.ts";
import type { RequestBalancing } from "./request-balancing.ts";
import { resetBody, resetDetails, resetStatus } from "./reset-reason.ts";

export const NO_ROUTE: LocalReply = { status: 404, body: "", details: "route_not_found" };
export const NO_HOST: LocalReply = {
  status: 503,
  body: "no healthy upstream",
  details: "no_healthy_upstream",
};
const DROP_OVERLOAD = headerName("x-envoy-drop-overload");
const UNCONDITIONAL_DROP_OVERLOAD = headerName("x-envoy-unconditional-drop-overload");

export function maintenanceReply(announce: boolean): LocalReply {
  const reply = { status: 503, body: "maintenance mode", details: "maintenance_mode" };
  return announce ? { ...reply, modify: setOverloaded } : reply;
}

/** Load that the control plane sheds (`drop_overloads`). */
export function dropReply(everything: boolean, announce: boolean): LocalReply {
  const reply = everything
    ? { body: "unconditional drop overload", details: "unconditional_drop_overload" }
    : { body: "drop overload", details: "drop_overload" };
  const header = everything ? UNCONDITIONAL_DROP_OVERLOAD : DROP_OVERLOAD;
  const modify = (headers: ResponseHeaderMap): void => headers.set(header, "true");
  return announce ? { status: 503, ...reply, modify } : { status: 503, ...reply };
}

export function strictCheckReply(name: string, value: string): LocalReply {
  return {
    status: 400,
    body: `invalid header '${name}' with value '${value}'`,
    details: `request_headers_failed_strict_check{${name}}`,
  };
}

/** How the last attempt ended. */
export interface ResetFacts {
  readonly reason: StreamResetReason;
  readonly transportFailure: string;
  /** It was not the first attempt. */
  readonly retried: boolean;
  /** An informational response went to the client before. */
  readonly started: boolean;
  /** Tell the client when we are overloaded. */
  readonly announce: boolean;
}

/** The upstream failed before its response began. */
export function resetReply(facts: ResetFacts): LocalReply {
  const { reason, transportFailure } = facts;
  const prefix = facts.started
    ? "upstream_reset_after_response_started"
    : "upstream_reset_before_response_started";
  const reply = {
    status: resetStatus(reason),
    body: resetBody(reason, transportFailure, facts.retried),
    details: resetDetails(prefix, reason, transportFailure),
  };
  return reason === "overflow" && facts.announce ? { ...reply, modify: setOverloaded } : reply;
}

/** A response of ours, to a request that may have been forwarded. */
export function answer({ callbacks, entry, attempts }: RequestBalancing, reply: LocalReply): void {
  const counted = attempts > 0 && entry?.includeAttemptCountInResponse === true;
  callbacks.sendLocalReply(counted ? withAttemptCount(reply, attempts) : reply);
}

/** `include_attempt_count_in_response` counts for answers of ours, too. */
function withAttemptCount(reply: LocalReply, attempts: number): LocalReply {
  return {
    ...reply,
    modify: (headers) => {
      reply.modify?.(headers);
      headers.set(Headers.EnvoyAttemptCount, String(attempts));
    },
  };
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
