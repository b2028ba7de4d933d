// hot: per request
/**
 * `x-request-id`: made, kept or replaced, and its 15th character as a carrier of the trace
 * decision. Envoy: `UuidRequestIdExtension` (source/extensions/request_id/uuid/config.cc).
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { Headers } from "../codec/header-names.ts";
import type { RandomGenerator } from "../platform/random.ts";
import type { RequestIdSettings } from "./connection-manager-config.ts";

const UUID_LENGTH = 36;
/** Index of the UUID version digit. */
const REASON_INDEX = 14;

/** Sets the header as configured and returns the id ("" when there is none). */
export function ensureRequestId(
  headers: RequestHeaderMap,
  edgeRequest: boolean,
  settings: RequestIdSettings,
  random: RandomGenerator,
): string {
  const present = headers.get(Headers.RequestId) ?? "";
  const replaces = present === "" || (edgeRequest && !settings.preserveExternal);
  if (!replaces) return edgeRequest ? resetReason(headers, present, settings) : present;
  if (!settings.generate) return present;
  const id = random.uuid();
  if (present === "" && !headers.has(Headers.RequestId)) headers.add(Headers.RequestId, id);
  else headers.set(Headers.RequestId, id);
  return id;
}

/** A client must not force tracing through a preserved id. */
function resetReason(headers: RequestHeaderMap, id: string, settings: RequestIdSettings): string {
  if (!settings.packTraceReason || id.length !== UUID_LENGTH || id[REASON_INDEX] === "4") return id;
  const reset = `${id.slice(0, REASON_INDEX)}4${id.slice(REASON_INDEX + 1)}`;
  headers.set(Headers.RequestId, reset);
  return reset;
}
