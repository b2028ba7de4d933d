// A ConfigLoader whose files are plain messages in memory: no YAML and no descriptor per seed.
import type {
  BootstrapSource,
  ConfigLoader,
  DiscoverySource,
  LoadedBootstrap,
  LoadedDiscovery,
} from "../../src/config/config-loader.ts";
import type { Bootstrap } from "../../src/proto/generated/envoy/config/bootstrap/v3.ts";

const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener";

export interface PlainDiscovery {
  readonly version: string;
  readonly resources: readonly { readonly name: string; readonly message: unknown }[];
}

export class PlainLoader implements ConfigLoader {
  bootstrap: Bootstrap = {};
  readonly discoveries: Map<string, PlainDiscovery> = new Map();

  async loadBootstrap(_source: BootstrapSource): Promise<LoadedBootstrap> {
    const { clusters = [], listeners = [] } = this.bootstrap.staticResources ?? {};
    const resources = [
      ...listeners.map((message) => encoded(LISTENER, message.name ?? "", message)),
      ...clusters.map((message) => encoded(CLUSTER, message.name ?? "", message)),
    ];
    return {
      bootstrap: structuredClone(this.bootstrap),
      diagnostics: [],
      unknownFields: [],
      resources,
      bytes: new Uint8Array(0),
    };
  }

  async loadDiscovery(source: DiscoverySource): Promise<LoadedDiscovery> {
    const found = this.discoveries.get(source.file);
    const missing = { severity: "error", path: "", message: "no such file", remedy: "" } as const;
    if (found === undefined) {
      return { version: "", resources: [], diagnostics: [missing], unknownFields: [] };
    }
    const resources = found.resources.map(({ name, message }, index) => ({
      ...encoded(source.typeUrl, name, message),
      message: structuredClone(message),
      path: `resources[${index}]`,
      diagnostics: [],
    }));
    return { version: found.version, resources, diagnostics: [], unknownFields: [] };
  }

  async toJson(): Promise<readonly never[]> {
    return [];
  }

  async toJsonText(): Promise<string> {
    return "";
  }

  async checkMask(): Promise<boolean> {
    return false;
  }

  async locate(
    _source: BootstrapSource | DiscoverySource,
    paths: readonly string[],
  ): Promise<readonly null[]> {
    return paths.map(() => null);
  }

  close(): void {}
}

function encoded(
  typeUrl: string,
  name: string,
  message: unknown,
): { typeUrl: string; name: string; bytes: Uint8Array } {
  return { typeUrl, name, bytes: Buffer.from(JSON.stringify(message)) };
}
