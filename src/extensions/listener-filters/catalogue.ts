/** Every listener filter, one line each. */
import type { ListenerFilterType } from "../../network/listener-filter.ts";
import { httpInspector } from "./http-inspector/http-inspector.ts";
import { originalDst } from "./original-dst/original-dst.ts";
import { proxyProtocol } from "./proxy-protocol/proxy-protocol.ts";
import { tlsInspector } from "./tls-inspector/tls-inspector.ts";

export function listenerFilters(): readonly ListenerFilterType[] {
  return [tlsInspector(), httpInspector(), originalDst(), proxyProtocol()];
}
