// hot: per request
/**
 * From a decoded head to the chain that shall have it: checks, changes of the request, upgrades,
 * trace decision. Envoy: the first half of `ActiveStream::decodeHeaders`
 * (source/common/http/conn_manager_impl.cc).
 */
import { type RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { ActiveStream } from "./active-stream.ts";
import { checkRequest, expectsContinue } from "./request-checks.ts";
import { mutateRequestHeaders } from "./request-headers.ts";
import type { HttpFilterEntry } from "./stream-filters.ts";
import { countResponse, logStream } from "./stream-finish.ts";
import { decideTrace, type TracingSettings } from "./trace-decision.ts";
import { asksForTunnel, chooseUpgrade, UPGRADE_REFUSED } from "./upgrades.ts";

/** False when the request was answered. */
export function admitRequest(stream: ActiveStream, headers: RequestHeaderMap): boolean {
  const { config, stats } = stream.runtime;
  const { port } = stream.streamInfo.connection.localAddress;
  if (expectsContinue(headers, config) && !stream.recreated) answerExpect(stream, headers);
  const refusal = checkRequest(headers, config, port, stats);
  if (refusal !== null) {
    stream.sendLocalReply(refusal);
    return false;
  }
  if (!stream.recreated) return mutateRequest(stream, headers);
  // Its first stream has done that.
  stream.upgradeRequest = asksForTunnel(headers);
  stream.streamInfo.requestId = headers.get(Headers.RequestId) ?? "";
  return true;
}

/** Null when the request asked for an upgrade that it does not get: it was answered. */
export function chooseFilters(
  stream: ActiveStream,
  headers: RequestHeaderMap,
): readonly HttpFilterEntry[] | null {
  const { runtime } = stream;
  if (!stream.upgradeRequest) return runtime.filters;
  const chosen = chooseUpgrade(headers, stream.route(), runtime);
  if (chosen === null) {
    runtime.stats.manager.downstreamRqWsOnNonWsRoute.inc();
    stream.closesConnection = true;
    stream.sendLocalReply(UPGRADE_REFUSED);
    return null;
  }
  if (stream.route() !== null) startUpgrade(stream);
  return chosen;
}

/** What tracing and logs of starts want before the filters begin. */
export function noteStart(stream: ActiveStream, headers: RequestHeaderMap): void {
  const { config } = stream.runtime;
  if (config.tracing !== null && !stream.recreated) traceRequest(stream, headers, config.tracing);
  if (config.logStarts) logStream(stream, "DownstreamStart");
}

function answerExpect(stream: ActiveStream, headers: RequestHeaderMap): void {
  const response = new ResponseHeaderMap();
  response.status = 100;
  countResponse(stream, 100);
  stream.encoder.encodeInformational(response);
  headers.remove(Headers.Expect);
}

function mutateRequest(stream: ActiveStream, headers: RequestHeaderMap): boolean {
  const { config, dispatcher, earlyMutations } = stream.runtime;
  const info = stream.streamInfo;
  for (let index = 0; index < earlyMutations.length; index++) {
    earlyMutations[index]?.apply(headers, stream);
  }
  stream.upgradeRequest = asksForTunnel(headers);
  const internalOnly = stream.routes?.internalOnlyHeaders ?? [];
  const { connection } = info;
  const facts = mutateRequestHeaders(headers, connection, config, internalOnly, dispatcher.random);
  info.requestId = facts.requestId;
  stream.forceRequestId = headers.has(Headers.EnvoyForceTrace);
  const peer = connection.remoteAddress;
  if (facts.clientIp !== peer.ip) info.remoteAddress = { ip: facts.clientIp, port: 0 };
  if (facts.rejectStatus === 0) return true;
  stream.runtime.stats.manager.downstreamRqRejectedViaIpDetection.inc();
  const details = "rejecting_because_detection_failed";
  stream.sendLocalReply({ status: facts.rejectStatus, body: "", details });
  return false;
}

function startUpgrade(stream: ActiveStream): void {
  const { manager } = stream.runtime.stats;
  stream.upgraded = true;
  manager.downstreamCxUpgradesTotal.inc();
  manager.downstreamCxUpgradesActive.inc();
}

function traceRequest(
  stream: ActiveStream,
  headers: RequestHeaderMap,
  settings: TracingSettings,
): void {
  const { features, stats } = stream.runtime;
  const { healthCheck } = stream.streamInfo;
  const { tracing } = stats.manager;
  stream.streamInfo.requestId = decideTrace(headers, settings, features, tracing, healthCheck);
}
