/** Handshakes that the upstream must answer with 101 or an error. RFC 6455 §4.1. */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, Headers } from "../../../codec/header-names.ts";
import type { LocalReply } from "../../../http/local-reply.ts";

export function isWebSocket(headers: RequestHeaderMap): boolean {
  if ((headers.seen & Headers.Upgrade.bit) === 0) return false;
  return headers.get(Headers.Upgrade)?.toLowerCase() === "websocket";
}

/** The upstream answered a handshake with something else: its head is kept, its body not. */
export function handshakeReply(answer: ResponseHeaderMap): LocalReply {
  return {
    status: answer.status,
    body: "",
    details: "websocket_handshake_unsuccessful",
    modify: (headers) => copyWithoutBody(answer, headers),
  };
}

function copyWithoutBody(from: ResponseHeaderMap, to: ResponseHeaderMap): void {
  for (let index = 0; index < from.size; index++) {
    to.add(from.names[index] as HeaderName, from.values[index] as string);
  }
  to.remove(Headers.ContentLength);
  to.remove(Headers.ContentType);
  to.remove(Headers.TransferEncoding);
}
