/**
 * Reading configuration: files in, checked plain messages and diagnostics out. Behind this
 * interface the work happens in a child process (the data path never loads a YAML parser) or, in
 * tests and `validate`, in this process.
 */
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";
import type { JsonValue } from "../proto/plain.ts";

/**
 * What to read as the bootstrap: files and texts, merged in this order as protobuf merges messages.
 */
export interface BootstrapSource {
  /** Paths (`-c`); `.pb` is binary, everything else YAML or JSON. */
  readonly files: readonly string[];
  /** `--config-yaml`, merged over the files. */
  readonly yaml?: string;
  /**
   * Envoy's `--allow-unknown-static-fields`: unknown fields are skipped and listed. Default false.
   */
  readonly allowUnknownFields?: boolean;
  /** Warn of deprecated fields (Envoy logs them). Default false. */
  readonly warnDeprecated?: boolean;
}

/** A file of a `path_config_source`: one DiscoveryResponse in YAML, JSON or binary. */
export interface DiscoverySource {
  readonly file: string;
  /** The type that its resources must have. */
  readonly typeUrl: string;
  /** False for Envoy's `--reject-unknown-dynamic-fields`. Default true. */
  readonly allowUnknownFields?: boolean;
}

/** A resource in encoded form: equal bytes mean an unchanged resource. */
export interface EncodedResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface LoadedBootstrap {
  /** null when there are errors. */
  readonly bootstrap: Bootstrap | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Paths of skipped fields. */
  readonly unknownFields: readonly string[];
  /** Static listeners, clusters and secrets, each kind in the order of the bootstrap. */
  readonly resources: readonly EncodedResource[];
  /** The whole message without those resources, for config_dump. */
  readonly bytes: Uint8Array;
}

export interface LoadedResource extends EncodedResource {
  /** The plain message. */
  readonly message: unknown;
  /** Path of the resource in its file, for `locate`. */
  readonly path: string;
  /** Field rules that this resource breaks; other resources of the file may be used. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface LoadedDiscovery {
  /** The response's version_info; "" when it has none. */
  readonly version: string;
  readonly resources: readonly LoadedResource[];
  /** Errors here refuse the whole file. */
  readonly diagnostics: readonly Diagnostic[];
  readonly unknownFields: readonly string[];
}

/** A message for config_dump, plain or encoded. */
export type JsonSource =
  | { readonly typeName: string; readonly message: unknown }
  | { readonly typeName: string; readonly bytes: Uint8Array };

export interface ConfigLoader {
  loadBootstrap(source: BootstrapSource): Promise<LoadedBootstrap>;
  loadDiscovery(source: DiscoverySource): Promise<LoadedDiscovery>;
  /** JSON as config_dump prints it, in the order of the sources. */
  toJson(sources: readonly JsonSource[], names: "snake" | "camel"): Promise<readonly JsonValue[]>;
  /**
   * As `toJson` with proto names, printed (indented by one space) and with secrets blackened: a
   * large message travels from the child as one text instead of as an object.
   */
  toJsonText(source: JsonSource): Promise<string>;
  /**
   * Whether a field mask fits a message type: every path names fields that exist, and only the last
   * one of a path may be repeated. Envoy: `FieldMaskUtil::GetFieldDescriptors`.
   */
  checkMask(typeName: string, paths: readonly string[]): Promise<boolean>;
  /** Where the paths of diagnostics stand in the texts of a source; null when unknown. */
  locate(
    source: BootstrapSource | DiscoverySource,
    paths: readonly string[],
  ): Promise<readonly (SourcePosition | null)[]>;
  /** Ends the process behind it, if there is one. */
  close(): void;
}

/** The diagnostics with the places that they lack, asked of the loader that read the source. */
export async function withPlaces(
  loader: ConfigLoader,
  source: BootstrapSource | DiscoverySource,
  diagnostics: readonly Diagnostic[],
): Promise<readonly Diagnostic[]> {
  const unplaced = diagnostics.filter((diagnostic) => diagnostic.source === undefined);
  if (unplaced.length === 0) return diagnostics;
  const places = await loader.locate(
    source,
    unplaced.map((diagnostic) => diagnostic.path),
  );
  const placeOf = new Map(unplaced.map((diagnostic, index) => [diagnostic, places[index]]));
  return diagnostics.map((diagnostic) => {
    const place = placeOf.get(diagnostic);
    return place === undefined || place === null ? diagnostic : { ...diagnostic, source: place };
  });
}
