// hot: per request
/**
 * The last things of a stream: facts for its log line, and the end of its filters.
 * Envoy: `ConnectionManagerImpl::doDeferredStreamDestroy`.
 */
import { ResponseFlag } from "../network/stream-info.ts";
import type { Dispatcher } from "../platform/dispatcher.ts";
import type { AccessLogType } from "../route/formatter.ts";
import type { ActiveStream } from "./active-stream.ts";
import type { HttpFilter } from "./http-filter.ts";

/** The stream is over: counts how, and tells it to logs. */
export function countEnd(stream: ActiveStream): void {
  const { streamInfo: info } = stream;
  const { manager } = stream.runtime.stats;
  info.protocol ??= stream.manager.protocol;
  stream.wasReset = !stream.requestEnded || !stream.responseEnded;
  if (stream.wasReset) manager.downstreamRqRxReset.inc();
  if (stream.protocolError) info.setFlag(ResponseFlag.DownstreamProtocolError);
  if (stream.upgraded) manager.downstreamCxUpgradesActive.dec();
}

/** Times and bytes as logs show them; the response time histogram. */
export function finishInfo(stream: ActiveStream): void {
  const { streamInfo: info, encoder, runtime } = stream;
  info.endMs = stream.nowMs;
  const { meter } = encoder;
  info.downstreamWireBytesReceived = meter.wireBytesReceived;
  info.downstreamWireBytesSent = meter.wireBytesSent;
  info.downstreamHeaderBytesReceived = meter.headerBytesReceived;
  info.downstreamHeaderBytesSent = meter.headerBytesSent;
  if (stream.responseEnded) {
    runtime.stats.manager.downstreamRqTime.record(Math.round(info.endMs - info.startMs));
  }
  // A reply before the router had its turn: the route still tells whom the request was for.
  if (info.cluster === null && info.route !== null) findCluster(stream);
}

/** A response head leaves, final or informational. */
export function countResponse({ streamInfo, runtime }: ActiveStream, status: number): void {
  if (streamInfo.healthCheck) return;
  runtime.stats.responses.record(status);
  runtime.stats.listenerResponses.record(status);
}

/** One line in every access log. */
export function logStream(stream: ActiveStream, type: AccessLogType): void {
  stream.logType = type;
  const { accessLoggers } = stream.runtime;
  for (let index = 0; index < accessLoggers.length; index++) accessLoggers[index]?.log(stream);
}

function findCluster(stream: ActiveStream): void {
  const entry = stream.route()?.entry ?? null;
  if (entry === null) return;
  const found = stream.runtime.clusters.lookup(entry.clusterName);
  if (found.kind === "now") stream.streamInfo.cluster = found.cluster.info;
}

/** A filter that throws at its end is reported; the others get theirs all the same. */
export function destroyFilters(
  filters: readonly HttpFilter[] | null,
  terminal: HttpFilter | null,
  dispatcher: Dispatcher,
): void {
  if (filters === null) {
    if (terminal !== null) destroy(terminal, dispatcher);
    return;
  }
  for (let index = 0; index < filters.length; index++) {
    destroy(filters[index] as HttpFilter, dispatcher);
  }
}

function destroy(filter: HttpFilter, dispatcher: Dispatcher): void {
  try {
    filter.onDestroy?.();
  } catch (error) {
    dispatcher.onBug(error);
  }
}
