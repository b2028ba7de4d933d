/**
 * Restores the address that a redirected connection was meant for. Envoy:
 * `envoy.filters.listener.original_dst`
 * (source/extensions/filters/listener/original_dst/original_dst.cc).
 */
import {
  defineListenerFilter,
  type ListenerFilter,
  type ListenerFilterCallbacks,
  type ListenerFilterStatus,
  type ListenerFilterType,
} from "../../../network/listener-filter.ts";
import type { OriginalDst } from "../../../proto/generated/envoy/extensions/filters/listener/original_dst/v3.ts";

export function originalDst(): ListenerFilterType {
  return defineListenerFilter<OriginalDst, object>({
    name: "envoy.filters.listener.original_dst",
    messages: ["envoy.extensions.filters.listener.original_dst.v3.OriginalDst"],
    compile: () => ({}),
    createFactory: () => ({ create: () => FILTER }),
  });
}

class OriginalDstFilter implements ListenerFilter {
  readonly maxReadBytes: number = 0;

  onAccept({ socket, streamInfo }: ListenerFilterCallbacks): ListenerFilterStatus {
    const info = streamInfo.connection;
    if (info.localAddress.path !== undefined) return "continue";
    const original = socket.originalDestination();
    if (original !== null) {
      info.localAddress = original;
      info.localAddressRestored = true;
    }
    return "continue";
  }
}

/** Without state: one for all sockets. */
const FILTER: ListenerFilter = new OriginalDstFilter();
