/** Sends back what it gets. Envoy: `envoy.filters.network.echo`. */
import {
  defineNetworkFilter,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import type { Echo } from "../../../proto/generated/envoy/extensions/filters/network/echo/v3.ts";

const NAME = "envoy.filters.network.echo";

export function echo(): NetworkFilterType {
  return defineNetworkFilter<Echo, object>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.echo.v3.Echo"],
    terminal: true,
    compile: () => ({}),
    createFactory: () => ({ name: NAME, create: (callbacks) => new EchoFilter(callbacks) }),
  });
}

class EchoFilter implements NetworkFilter {
  private readonly callbacks: NetworkFilterCallbacks;

  constructor(callbacks: NetworkFilterCallbacks) {
    this.callbacks = callbacks;
  }

  onNewConnection(): NetworkFilterStatus {
    this.callbacks.connection.halfClose = true;
    return "continue";
  }

  onData(bytes: Buffer, endStream: boolean): NetworkFilterStatus {
    const { connection } = this.callbacks;
    if (bytes.length > 0) connection.writeBytes(bytes);
    if (endStream) connection.end();
    return "stop";
  }

  /** A client that sends and does not read is not read either. */
  onAboveWriteBufferHighWatermark(): void {
    this.callbacks.connection.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.callbacks.connection.readDisable(false);
  }
}
