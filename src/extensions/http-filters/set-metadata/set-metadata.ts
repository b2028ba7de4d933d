// hot: per request
/**
 * Puts fixed values into the dynamic metadata of a request. Envoy:
 * `envoy.filters.http.set_metadata` (source/extensions/filters/http/set_metadata). Typed values are
 * refused: nothing here reads them.
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { Config as Message } from "../../../proto/generated/envoy/extensions/filters/http/set_metadata/v3.ts";
import type { Counter } from "../../../stats/counter.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Entry {
  readonly namespace: string;
  readonly fields: Fields;
  readonly overwrites: boolean;
}

interface Config {
  readonly entries: readonly Entry[];
}

export function setMetadata(): HttpFilterType {
  return defineHttpFilter<Message, Config>({
    name: "envoy.filters.http.set_metadata",
    messages: ["envoy.extensions.filters.http.set_metadata.v3.Config"],
    compile,
    createFactory: ({ entries }, context) => {
      const denied = context.stats.scope("set_metadata").counter("overwrite_denied");
      return {
        create: (callbacks): HttpFilter => new SetMetadataFilter(entries, denied, callbacks),
      };
    },
  });
}

function compile(message: Message, context: CompileContext): Config {
  const entries: Entry[] = [];
  const { metadataNamespace = "", value } = message;
  if (value !== undefined && metadataNamespace !== "") {
    entries.push({ namespace: metadataNamespace, fields: value, overwrites: true });
  }
  for (const [index, metadata] of (message.metadata ?? []).entries()) {
    const at = context.at("metadata", index);
    if (metadata.typedValue !== undefined) {
      at.at("typed_value").error("Typed metadata is not supported: nothing reads it", "use value");
    }
    entries.push({
      namespace: metadata.metadataNamespace ?? "",
      fields: metadata.value ?? {},
      overwrites: metadata.allowOverwrite ?? false,
    });
  }
  return { entries };
}

class SetMetadataFilter implements HttpFilter {
  private readonly entries: readonly Entry[];
  private readonly denied: Counter;
  private readonly callbacks: HttpFilterCallbacks;

  constructor(entries: readonly Entry[], denied: Counter, callbacks: HttpFilterCallbacks) {
    this.entries = entries;
    this.denied = denied;
    this.callbacks = callbacks;
  }

  decodeHeaders(_headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const { streamInfo } = this.callbacks;
    for (let index = 0; index < this.entries.length; index++)
      apply(this.entries[index]!, streamInfo, this.denied);
    return "continue";
  }
}

function apply({ namespace, fields, overwrites }: Entry, info: StreamInfo, denied: Counter): void {
  const present = info.metadata(namespace);
  if (present === undefined) info.setMetadata(namespace, fields);
  else if (overwrites) info.setMetadata(namespace, merge(present, fields));
  else denied.inc();
}

/**
 * Objects are merged, lists are joined, everything else is replaced. Envoy: `StructUtil::update`.
 */
function merge(present: Fields, added: Fields): Fields {
  const merged: Record<string, unknown> = { ...present };
  for (const key in added) merged[key] = mergeValue(merged[key], added[key]);
  return merged;
}

function mergeValue(present: unknown, added: unknown): unknown {
  if (Array.isArray(present) && Array.isArray(added)) return present.concat(added);
  return isObject(present) && isObject(added) ? merge(present, added) : added;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
