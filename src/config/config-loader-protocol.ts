/** The requests that a ConfigLoader sends to the configuration child, and both ends of them. */
import type { SourcePosition } from "../base/diagnostic.ts";
import type { RequestChannel, RequestHandler } from "../platform/requests.ts";
import type { JsonValue } from "../proto/plain.ts";
import type {
  BootstrapSource,
  ConfigLoader,
  DiscoverySource,
  JsonSource,
  LoadedBootstrap,
  LoadedDiscovery,
} from "./config-loader.ts";

export type ConfigRequest =
  | { readonly kind: "bootstrap"; readonly source: BootstrapSource }
  | { readonly kind: "discovery"; readonly source: DiscoverySource }
  | {
      readonly kind: "toJson";
      readonly sources: readonly JsonSource[];
      readonly names: "snake" | "camel";
    }
  | { readonly kind: "toJsonText"; readonly source: JsonSource }
  | {
      readonly kind: "checkMask";
      readonly typeName: string;
      readonly paths: readonly string[];
    }
  | {
      readonly kind: "locate";
      readonly source: BootstrapSource | DiscoverySource;
      readonly paths: readonly string[];
    };

/** Asks the child behind a channel. */
export class ChildConfigLoader implements ConfigLoader {
  private readonly channel: RequestChannel;

  constructor(channel: RequestChannel) {
    this.channel = channel;
  }

  async loadBootstrap(source: BootstrapSource): Promise<LoadedBootstrap> {
    return (await this.ask({ kind: "bootstrap", source })) as LoadedBootstrap;
  }

  async loadDiscovery(source: DiscoverySource): Promise<LoadedDiscovery> {
    return (await this.ask({ kind: "discovery", source })) as LoadedDiscovery;
  }

  async toJson(
    sources: readonly JsonSource[],
    names: "snake" | "camel",
  ): Promise<readonly JsonValue[]> {
    return (await this.ask({ kind: "toJson", sources, names })) as JsonValue[];
  }

  async toJsonText(source: JsonSource): Promise<string> {
    return (await this.ask({ kind: "toJsonText", source })) as string;
  }

  async checkMask(typeName: string, paths: readonly string[]): Promise<boolean> {
    return (await this.ask({ kind: "checkMask", typeName, paths })) as boolean;
  }

  async locate(
    source: BootstrapSource | DiscoverySource,
    paths: readonly string[],
  ): Promise<readonly (SourcePosition | null)[]> {
    return (await this.ask({ kind: "locate", source, paths })) as (SourcePosition | null)[];
  }

  close(): void {
    this.channel.close();
  }

  private ask(request: ConfigRequest): Promise<unknown> {
    return this.channel.request(request);
  }
}

/** The child's end: hands each request to a loader. */
export function configRequestHandler(loader: Promise<ConfigLoader>): RequestHandler {
  return async (message) => {
    const request = message as ConfigRequest;
    const target = await loader;
    switch (request.kind) {
      case "bootstrap":
        return target.loadBootstrap(request.source);
      case "discovery":
        return target.loadDiscovery(request.source);
      case "toJson":
        return target.toJson(request.sources, request.names);
      case "toJsonText":
        return target.toJsonText(request.source);
      case "checkMask":
        return target.checkMask(request.typeName, request.paths);
      case "locate":
        return target.locate(request.source, request.paths);
    }
  };
}
