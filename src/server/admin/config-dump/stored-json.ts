/** Encoded resources as JSON, a few at a time: the child process that decodes answers in turn. */
import type { ConfigLoader } from "../../../config/config-loader.ts";
import type { StoredResource } from "../../../config/resource-store.ts";
import type { JsonObject } from "../../../proto/plain.ts";
import { redact } from "./redact.ts";

/** A request to the child carries at least one resource and about this many bytes. */
const BATCH_BYTES = 65_536;
const BATCH_COUNT = 64;

export interface StoredJson {
  readonly stored: StoredResource;
  /** With "@type", secrets blackened. */
  readonly resource: JsonObject;
}

export async function* storedJson(
  loader: ConfigLoader,
  items: readonly StoredResource[],
): AsyncGenerator<StoredJson> {
  for (const batch of batches(items)) {
    const sources = batch.map(({ typeUrl, bytes }) => ({ typeName: typeNameOf(typeUrl), bytes }));
    const values = await loader.toJson(sources, "snake");
    for (const [index, stored] of batch.entries()) {
      const message = redact(values[index] ?? {}) as JsonObject;
      yield { stored, resource: { "@type": stored.typeUrl, ...message } };
    }
  }
}

/** One resource. */
export async function storedOne(loader: ConfigLoader, stored: StoredResource): Promise<JsonObject> {
  for await (const { resource } of storedJson(loader, [stored])) return resource;
  return {};
}

function* batches(items: readonly StoredResource[]): Generator<StoredResource[]> {
  let batch: StoredResource[] = [];
  let bytes = 0;
  for (const item of items) {
    batch.push(item);
    bytes += item.bytes.length;
    if (bytes < BATCH_BYTES && batch.length < BATCH_COUNT) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** A protobuf Timestamp with milliseconds. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** `error_state`: why the newest version is not in force. Nothing while it is. */
export async function errorState(
  loader: ConfigLoader,
  { typeUrl, name, error }: StoredResource,
): Promise<JsonObject> {
  if (error === null) return {};
  const { details, version, atWallMs, bytes } = error;
  const failed = { typeUrl, name, version, origin: "dynamic", bytes, updatedWallMs: 0 } as const;
  const resource = await storedOne(loader, { ...failed, error: null });
  return {
    error_state: {
      failed_configuration: resource,
      last_update_attempt: timestamp(atWallMs),
      details,
      ...(version === "" ? {} : { version_info: version }),
    },
  };
}
