/**
 * What was received, as encoded bytes: the compact truth behind config_dump, and how an unchanged
 * resource is recognised. Nothing in here is a runtime object. Envoy: `ConfigTracker`,
 * `UpdateFailureState`.
 */

/** Why the newest version of a resource is not in force. */
export interface ResourceError {
  readonly details: string;
  readonly version: string;
  readonly atWallMs: number;
  /** The refused message, encoded. */
  readonly bytes: Uint8Array;
}

export interface StoredResource {
  readonly typeUrl: string;
  readonly name: string;
  /** "" for static resources. */
  readonly version: string;
  readonly origin: "static" | "dynamic";
  /** Own copy of the encoded message; empty while only a broken version is known. */
  readonly bytes: Uint8Array;
  readonly updatedWallMs: number;
  readonly error: ResourceError | null;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class ResourceStore {
  private readonly types = new Map<string, Map<string, StoredResource>>();
  private readonly versions = new Map<string, string>();
  private readonly retired = new Map<string, Map<string, StoredResource>>();

  /** All resources of a type, in the order in which they first came. */
  all(typeUrl: string): readonly StoredResource[] {
    return [...(this.types.get(typeUrl)?.values() ?? [])];
  }

  get(typeUrl: string, name: string): StoredResource | undefined {
    return this.types.get(typeUrl)?.get(name);
  }

  /** True when the resource is new or its bytes differ from those in force. */
  differs(typeUrl: string, name: string, bytes: Uint8Array): boolean {
    const known = this.get(typeUrl, name);
    return known === undefined || !sameBytes(known.bytes, bytes);
  }

  /** Takes a version into force. */
  put(resource: Omit<StoredResource, "error">): void {
    this.retire(this.get(resource.typeUrl, resource.name));
    this.table(resource.typeUrl).set(resource.name, {
      ...resource,
      bytes: new Uint8Array(resource.bytes),
      error: null,
    });
  }

  /** A version was refused: the one in force stays. */
  putError(typeUrl: string, name: string, error: ResourceError): void {
    const known = this.get(typeUrl, name);
    const base = known ?? {
      typeUrl,
      name,
      version: "",
      origin: "dynamic",
      bytes: NO_BYTES,
      updatedWallMs: 0,
    };
    const bytes = new Uint8Array(error.bytes);
    this.table(typeUrl).set(name, { ...base, error: { ...error, bytes } });
  }

  /** The version in force was sent again. */
  clearError(typeUrl: string, name: string): void {
    const known = this.get(typeUrl, name);
    if (known === undefined || known.error === null) return;
    this.table(typeUrl).set(name, { ...known, error: null });
  }

  /** A version that was taken into force could not be used after all: back to the one before. */
  restore(typeUrl: string, name: string, before: StoredResource | undefined): void {
    if (before === undefined) this.types.get(typeUrl)?.delete(name);
    else this.table(typeUrl).set(name, before);
  }

  remove(typeUrl: string, name: string): void {
    this.retire(this.get(typeUrl, name));
    this.types.get(typeUrl)?.delete(name);
  }

  /** The version_info of the newest accepted list of a type; "" before. */
  version(typeUrl: string): string {
    return this.versions.get(typeUrl) ?? "";
  }

  setVersion(typeUrl: string, version: string): void {
    this.versions.set(typeUrl, version);
  }

  /** Keeps the last version that was replaced or removed, for types whose objects drain. */
  keepRetired(typeUrl: string): void {
    this.retired.set(typeUrl, new Map());
  }

  /** What was replaced or removed and still drains; everything else is forgotten. */
  retiredOf(typeUrl: string, drains: (name: string) => boolean): readonly StoredResource[] {
    const retired = this.retired.get(typeUrl);
    for (const name of [...(retired?.keys() ?? [])]) if (!drains(name)) retired?.delete(name);
    return [...(retired?.values() ?? [])];
  }

  private retire(resource: StoredResource | undefined): void {
    if (resource === undefined || resource.bytes.length === 0) return;
    this.retired.get(resource.typeUrl)?.set(resource.name, resource);
  }

  private table(typeUrl: string): Map<string, StoredResource> {
    let table = this.types.get(typeUrl);
    if (table === undefined) {
      table = new Map();
      this.types.set(typeUrl, table);
    }
    return table;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
