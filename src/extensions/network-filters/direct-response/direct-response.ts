/** Sends a fixed text and closes. Envoy: `envoy.filters.network.direct_response`. */
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  defineNetworkFilter,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterStatus,
  type NetworkFilterType,
} from "../../../network/network-filter.ts";
import type { DataSource } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { Config as Message } from "../../../proto/generated/envoy/extensions/filters/network/direct_response/v3.ts";

const NAME = "envoy.filters.network.direct_response";

interface Config {
  readonly response: Buffer;
}

export interface DirectResponseServices {
  /** Bytes of a file or environment variable; null after reporting what is wrong. */
  readDataSource(source: DataSource, context: CompileContext): Uint8Array | null;
}

export function directResponse(services: DirectResponseServices): NetworkFilterType {
  return defineNetworkFilter<Message, Config>({
    name: NAME,
    messages: ["envoy.extensions.filters.network.direct_response.v3.Config"],
    terminal: true,
    compile: (message, context) => compile(message, services, context),
    createFactory: ({ response }) => ({
      name: NAME,
      create: (callbacks) => new DirectResponseFilter(response, callbacks),
    }),
  });
}

function compile(
  { response = {} }: Message,
  services: DirectResponseServices,
  context: CompileContext,
): Config | null {
  if (response.inlineString !== undefined) return { response: Buffer.from(response.inlineString) };
  if (response.inlineBytes !== undefined) return { response: Buffer.from(response.inlineBytes) };
  if (response.filename === undefined && response.environmentVariable === undefined) {
    return { response: Buffer.alloc(0) };
  }
  const bytes = services.readDataSource(response, context.at("response"));
  return bytes === null ? null : { response: Buffer.from(bytes) };
}

class DirectResponseFilter implements NetworkFilter {
  private readonly response: Buffer;
  private readonly callbacks: NetworkFilterCallbacks;

  constructor(response: Buffer, callbacks: NetworkFilterCallbacks) {
    this.response = response;
    this.callbacks = callbacks;
  }

  onNewConnection(): NetworkFilterStatus {
    const { connection, streamInfo } = this.callbacks;
    if (this.response.length > 0) connection.writeBytes(this.response);
    streamInfo.responseCodeDetails = "direct_response";
    connection.close("flush-write");
    return "stop";
  }
}
