/**
 * Ends a stream without answer and begins another with its request, on the same codec stream: how
 * an internal redirect is followed. Envoy: `ActiveStreamDecoderFilter::recreateStream`
 * (source/common/http/filter_manager.cc), `ConnectionManagerImpl::ActiveStream::recreateStream`.
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import type { ActiveStream } from "./active-stream.ts";

/** Filter state of this prefix goes on with the next stream. */
const KEPT_STATE = "envoy.internal_redirect";

/** False when the request is not complete; then nothing has happened. */
export function recreateStream(
  stream: ActiveStream,
  response: ResponseHeaderMap,
  body: Buffer | null,
): boolean {
  if (!stream.requestEnded || stream.ended) return false;
  const { streamInfo, manager, encoder } = stream;
  const headers = stream.requestHeaders as RequestHeaderMap;
  streamInfo.responseCodeDetails = "internal_redirect";
  streamInfo.responseCode = response.status;
  stream.responseHeaders = response;
  stream.endForSuccessor();
  const next = manager.succeedStream(encoder);
  next.recreated = true;
  // The bytes came once, and both streams tell them.
  next.streamInfo.bytesReceived = streamInfo.bytesReceived;
  next.streamInfo.adoptFilterState(streamInfo, KEPT_STATE);
  encoder.setDecoder(next);
  const bodyless = body === null || body.length === 0;
  next.decodeHeaders(headers, bodyless);
  if (!bodyless) next.decodeData(body, true);
  return true;
}
