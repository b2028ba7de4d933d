/**
 * The ConfigLoader that does the work itself: in the configuration child, and in the process of
 * tests and `validate`.
 */
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { Files } from "../platform/files.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { DiscoveryResponse } from "../proto/generated/envoy/service/discovery/v3.ts";
import type { LocatedSource } from "../proto/locate.ts";
import { TYPE_URL_PREFIX } from "../proto/message-registry.ts";
import type { AnyMessage, JsonValue } from "../proto/plain.ts";
import {
  type BytesInput,
  type DecodedText,
  loadTextMessages,
  type TextInput,
  type TextMessages,
} from "../proto/text-messages.ts";
import type {
  BootstrapSource,
  ConfigLoader,
  DiscoverySource,
  EncodedResource,
  JsonSource,
  LoadedBootstrap,
  LoadedDiscovery,
  LoadedResource,
} from "./config-loader.ts";
import { redact } from "./redact.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const DISCOVERY_RESPONSE = "envoy.service.discovery.v3.DiscoveryResponse";
const RESOURCE = "envoy.service.discovery.v3.Resource";

/** Sources whose texts are kept for `locate`. */
const KEPT_SOURCES = 8;

type Input = TextInput | BytesInput;

/** Files that could be read, or what to say about those that could not. */
interface Inputs {
  readonly inputs: readonly Input[];
  readonly diagnostics: readonly Diagnostic[];
}

export class LocalConfigLoader implements ConfigLoader {
  private readonly messages: TextMessages;
  private readonly files: Pick<Files, "read">;
  private readonly kept = new Map<string, readonly LocatedSource[]>();

  constructor(messages: TextMessages, files: Pick<Files, "read">) {
    this.messages = messages;
    this.files = files;
  }

  async loadBootstrap(source: BootstrapSource): Promise<LoadedBootstrap> {
    const decoded = await this.decodeBootstrap(source);
    const bootstrap = decoded.message as Bootstrap | null;
    return {
      bootstrap,
      diagnostics: decoded.diagnostics,
      unknownFields: decoded.unknownFields,
      resources: bootstrap === null ? [] : this.staticResources(bootstrap),
      bytes: bootstrap === null ? new Uint8Array(0) : this.withoutResources(bootstrap),
    };
  }

  async loadDiscovery(source: DiscoverySource): Promise<LoadedDiscovery> {
    const decoded = await this.decodeDiscovery(source);
    const response = decoded.message as DiscoveryResponse | null;
    const diagnostics = [...decoded.diagnostics];
    const resources: LoadedResource[] = [];
    (response?.resources ?? []).forEach((any, index) => {
      const loaded = this.resource(any, `resources[${index}]`, decoded.sources);
      if (loaded.typeUrl === source.typeUrl) resources.push(loaded);
      else diagnostics.push(this.wrongType(loaded, source, decoded.sources));
    });
    return {
      version: response?.versionInfo ?? "",
      resources,
      diagnostics,
      unknownFields: decoded.unknownFields,
    };
  }

  async toJson(
    sources: readonly JsonSource[],
    names: "snake" | "camel",
  ): Promise<readonly JsonValue[]> {
    return sources.map((source) => {
      const message =
        "bytes" in source
          ? this.messages.decodeBinary(source.typeName, source.bytes).message
          : source.message;
      return this.messages.toJson(source.typeName, message ?? {}, names);
    });
  }

  async toJsonText(source: JsonSource): Promise<string> {
    const [value] = await this.toJson([source], "snake");
    return JSON.stringify(redact(value ?? {}), null, 1);
  }

  async checkMask(typeName: string, paths: readonly string[]): Promise<boolean> {
    return paths.every((path) => this.messages.hasField(typeName, path));
  }

  async locate(
    source: BootstrapSource | DiscoverySource,
    paths: readonly string[],
  ): Promise<readonly (SourcePosition | null)[]> {
    if (!this.kept.has(keyOf(source))) {
      await ("file" in source ? this.decodeDiscovery(source) : this.decodeBootstrap(source));
    }
    const sources = this.kept.get(keyOf(source)) ?? [];
    return paths.map((path) => this.messages.locate(path, sources));
  }

  close(): void {}

  private async decodeBootstrap(source: BootstrapSource): Promise<DecodedText> {
    const read = await this.readAll(source.files);
    const inputs = [...read.inputs];
    if (source.yaml !== undefined) inputs.push({ file: "--config-yaml", text: source.yaml });
    await this.messages.prepare(inputs);
    const decoded = this.messages.decodeInputs(BOOTSTRAP, inputs, {
      unknownFields: source.allowUnknownFields === true ? "collect" : "error",
      warnDeprecated: source.warnDeprecated === true,
    });
    this.keep(keyOf(source), decoded.sources);
    if (read.diagnostics.length === 0) return decoded;
    const diagnostics = [...read.diagnostics, ...decoded.diagnostics];
    return { ...decoded, message: null, diagnostics };
  }

  private async decodeDiscovery(source: DiscoverySource): Promise<DecodedText> {
    const read = await this.readAll([source.file]);
    await this.messages.prepare(read.inputs);
    const decoded = this.messages.decodeInputs(DISCOVERY_RESPONSE, read.inputs, {
      unknownFields: source.allowUnknownFields === false ? "error" : "collect",
      skipRules: true,
    });
    this.keep(keyOf(source), decoded.sources);
    return { ...decoded, diagnostics: [...read.diagnostics, ...decoded.diagnostics] };
  }

  private async readAll(paths: readonly string[]): Promise<Inputs> {
    const inputs: Input[] = [];
    const diagnostics: Diagnostic[] = [];
    for (const path of paths) {
      try {
        inputs.push(inputOf(path, await this.files.read(path)));
      } catch (error) {
        diagnostics.push(unreadable(path, error));
      }
    }
    return { inputs, diagnostics };
  }

  private keep(key: string, sources: readonly LocatedSource[]): void {
    this.kept.delete(key);
    this.kept.set(key, sources);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT_SOURCES && oldest !== undefined) this.kept.delete(oldest);
  }

  private resource(
    any: AnyMessage,
    path: string,
    sources: readonly LocatedSource[],
  ): LoadedResource {
    if (any.typeUrl === TYPE_URL_PREFIX + RESOURCE) {
      const wrapper = any.value as { name?: string; resource?: AnyMessage };
      const inner = wrapper.resource ?? { typeUrl: "" };
      const loaded = this.resource(inner, `${path}.resource`, sources);
      return { ...loaded, name: wrapper.name ?? loaded.name };
    }
    const typeName = any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
    const known = any.value !== undefined && any.typeUrl !== "";
    const problems = known ? this.messages.checkRules(typeName, any.value, path) : [];
    return {
      typeUrl: any.typeUrl,
      name: resourceName(any.value),
      bytes: known ? this.messages.encodeBinary(typeName, any.value) : new Uint8Array(0),
      message: any.value,
      path,
      diagnostics: this.messages.withPlaces(problems, sources),
    };
  }

  private wrongType(
    loaded: LoadedResource,
    source: DiscoverySource,
    sources: readonly LocatedSource[],
  ): Diagnostic {
    const diagnostic: Diagnostic = {
      severity: "error",
      path: loaded.path,
      message: `Resource has type ${loaded.typeUrl}`,
      remedy: `this file is read for ${source.typeUrl}`,
    };
    return this.messages.withPlaces([diagnostic], sources)[0] ?? diagnostic;
  }

  private withoutResources(bootstrap: Bootstrap): Uint8Array {
    const { staticResources, ...others } = bootstrap;
    const { listeners, clusters, secrets, ...rest } = staticResources ?? {};
    const kept = staticResources === undefined ? {} : { staticResources: rest };
    return this.messages.encodeBinary(BOOTSTRAP, { ...others, ...kept });
  }

  private staticResources(bootstrap: Bootstrap): EncodedResource[] {
    const statics = bootstrap.staticResources ?? {};
    const encode = (typeName: string, items: readonly unknown[] = []): EncodedResource[] =>
      items.map((item) => ({
        typeUrl: TYPE_URL_PREFIX + typeName,
        name: resourceName(item),
        bytes: this.messages.encodeBinary(typeName, item),
      }));
    return [
      ...encode("envoy.config.listener.v3.Listener", statics.listeners),
      ...encode("envoy.config.cluster.v3.Cluster", statics.clusters),
      ...encode("envoy.extensions.transport_sockets.tls.v3.Secret", statics.secrets),
    ];
  }
}

/** Loads the descriptor, then answers. */
export async function createLocalConfigLoader(
  files: Pick<Files, "read">,
): Promise<LocalConfigLoader> {
  return new LocalConfigLoader(await loadTextMessages(), files);
}

function inputOf(file: string, bytes: Uint8Array): Input {
  return file.endsWith(".pb") ? { file, bytes } : { file, text: new TextDecoder().decode(bytes) };
}

function unreadable(file: string, error: unknown): Diagnostic {
  const code = (error as { code?: string }).code ?? String(error);
  const reasons: Record<string, readonly [string, string]> = {
    ENOENT: ["There is no such file", "check the path"],
    EACCES: ["No permission to read the file", "make it readable for this user"],
    EISDIR: ["Is a folder, not a file", "name a file in it"],
  };
  const [message, remedy] = reasons[code] ?? [`Cannot be read: ${code}`, "check the path"];
  return { severity: "error", path: "", message, remedy, source: { file, line: 1, column: 1 } };
}

/** Every resource type has a name; endpoint sets call it cluster_name. */
function resourceName(message: unknown): string {
  const { name, clusterName } = (message ?? {}) as { name?: string; clusterName?: string };
  return name ?? clusterName ?? "";
}

function keyOf(source: BootstrapSource | DiscoverySource): string {
  return "file" in source
    ? `discovery ${source.file}`
    : JSON.stringify([source.files, source.yaml]);
}
