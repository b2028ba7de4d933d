/** Encoded resources as JSON, a few at a time: the child process that decodes answers in turn. */
import type { ConfigLoader } from "../../../config/config-loader.ts";
import { redact } from "../../../config/redact.ts";
import type { StoredResource } from "../../../config/resource-store.ts";
import type { JsonObject, JsonValue } from "../../../proto/plain.ts";
import { PrintedJson } from "../json-stream.ts";

/** From this size on a resource is taken as text where nobody looks into it. */
const LARGE_BYTES = 32_768;

/** A request to the child carries at least one resource and about this many bytes. */
const BATCH_BYTES = 65_536;
const BATCH_COUNT = 64;

export interface StoredJson<Resource = JsonObject> {
  readonly stored: StoredResource;
  /** With "@type", secrets blackened. */
  readonly resource: Resource;
}

/** Reads resources for a list of the dump: `storedJson` where a mask looks into them, else text. */
export type ResourceReader = (
  loader: ConfigLoader,
  items: readonly StoredResource[],
) => AsyncIterable<StoredJson<JsonObject | PrintedJson>>;

/** An element of a list of the dump. */
export type DumpItem = Readonly<Record<string, JsonValue | PrintedJson>>;

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

/** As `storedJson`, for those who only print. */
export async function* printedJson(
  loader: ConfigLoader,
  items: readonly StoredResource[],
): AsyncGenerator<StoredJson<JsonObject | PrintedJson>> {
  const isLarge = ({ bytes }: StoredResource): boolean => bytes.length >= LARGE_BYTES;
  let small: StoredResource[] = [];
  for (const item of items) {
    if (!isLarge(item)) {
      small.push(item);
      continue;
    }
    yield* storedJson(loader, small);
    small = [];
    const source = { typeName: typeNameOf(item.typeUrl), bytes: item.bytes };
    const text = await loader.toJsonText(source);
    yield { stored: item, resource: new PrintedJson(withType(item.typeUrl, text)) };
  }
  yield* storedJson(loader, small);
}

function withType(typeUrl: string, text: string): string {
  const first = `{\n "@type": ${JSON.stringify(typeUrl)}`;
  return text === "{}" ? `${first}\n}` : `${first},${text.slice(1)}`;
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
