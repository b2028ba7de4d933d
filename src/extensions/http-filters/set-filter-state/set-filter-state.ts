// hot: per request
/**
 * Puts formatted values into filter state. Envoy: `envoy.filters.http.set_filter_state`
 * (source/extensions/filters/common/set_filter_state). Values are texts; keys that Envoy reads
 * itself and that nothing reads here are reported.
 */

import { fromByteString } from "../../../base/byte-string.ts";
import { nearestName } from "../../../base/nearest-name.ts";
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { FilterStateObject } from "../../../network/stream-info.ts";
import type { FilterStateValue } from "../../../proto/generated/envoy/extensions/filters/common/set_filter_state/v3.ts";
import type { Config as Message } from "../../../proto/generated/envoy/extensions/filters/http/set_filter_state/v3.ts";
import type { Formatter } from "../../../route/formatter.ts";
import { FilterFormatterContext } from "../../common/filter-formatter-context.ts";
import {
  compileSubstitutionFormat,
  type FormatServices,
} from "../../common/substitution-format.ts";

const HASHABLE_FACTORY = "envoy.hashable_string";
/**
 * Object factories of Envoy whose objects are texts here: plain ones, and what clusters read. A
 * text that says no address or port there counts as not set.
 */
const TEXT_FACTORIES: readonly string[] = [
  "envoy.string",
  HASHABLE_FACTORY,
  "envoy.network.transport_socket.original_dst_address",
  "envoy.upstream.dynamic_host",
  "envoy.upstream.dynamic_port",
];

/** Keys with an object factory of their own, each read by a part of Envoy that is not here yet. */
const WELL_KNOWN_KEYS: readonly string[] = [
  "envoy.network.application_protocols",
  "envoy.network.ip",
  "envoy.network.upstream_server_name",
  "envoy.network.upstream_subject_alt_names",
  "envoy.ratelimit.hits_addend",
  "envoy.tcp_proxy.cluster",
  "envoy.tcp_proxy.disable_tunneling",
  "envoy.tcp_proxy.per_connection_idle_timeout_ms",
];

interface Entry {
  readonly key: string;
  readonly format: Formatter;
  readonly readOnly: boolean;
  readonly hashable: boolean;
  readonly skipsEmpty: boolean;
}

interface Config {
  readonly entries: readonly Entry[];
}

export function setFilterState(services: FormatServices): HttpFilterType {
  return defineHttpFilter<Message, Config, Message, Config>({
    name: "envoy.filters.http.set_filter_state",
    messages: ["envoy.extensions.filters.http.set_filter_state.v3.Config"],
    compile: (message, context) => compile(message, services, context),
    createFactory: ({ entries }) => ({
      create: (callbacks): HttpFilter => new SetFilterStateFilter(entries, callbacks),
    }),
  });
}

function compile(message: Message, services: FormatServices, context: CompileContext): Config {
  const entries = (message.onRequestHeaders ?? []).flatMap((value, index) => {
    const entry = compileEntry(value, services, context.at("on_request_headers", index));
    return entry === null ? [] : [entry];
  });
  return { entries };
}

function compileEntry(
  message: FilterStateValue,
  services: FormatServices,
  context: CompileContext,
): Entry | null {
  const key = message.objectKey ?? "";
  const known = checkKey(key, message.factoryKey ?? "", context);
  if (message.formatString === undefined) {
    return context.at("format_string").error("There is no format", "set text_format_source");
  }
  if (message.sharedWithUpstream !== undefined && message.sharedWithUpstream !== "NONE") {
    context
      .at("shared_with_upstream")
      .warn("No upstream connection reads filter state here", "leave it out");
  }
  const format = compileSubstitutionFormat(
    message.formatString,
    services,
    context.at("format_string"),
  );
  if (format === null || !known) return null;
  return {
    key,
    format: format.formatter,
    readOnly: message.readOnly ?? false,
    hashable: (message.factoryKey || key) === HASHABLE_FACTORY,
    skipsEmpty: message.skipIfEmpty ?? false,
  };
}

function checkKey(key: string, factory: string, context: CompileContext): boolean {
  if (TEXT_FACTORIES.includes(factory === "" ? key : factory)) return true;
  const name = factory === "" ? key : factory;
  if (WELL_KNOWN_KEYS.includes(name)) {
    context.warn(`Nothing here reads the filter state ${name}: it is kept as text`, "");
    return true;
  }
  const at = context.at(factory === "" ? "object_key" : "factory_key");
  const nearest = nearestName(name, TEXT_FACTORIES);
  at.error(`There is no object factory ${name}`, `set factory_key to ${nearest ?? "envoy.string"}`);
  return false;
}

/** Envoy: `Router::StringAccessorImpl`, `HashableStringObject`. */
class TextState implements FilterStateObject {
  readonly readOnly: boolean;
  readonly hashable: boolean;
  private readonly text: string;

  constructor(text: string, { readOnly, hashable }: Entry) {
    this.text = text;
    this.readOnly = readOnly;
    this.hashable = hashable;
  }

  serializeAsString(): string {
    return this.text;
  }
}

class SetFilterStateFilter implements HttpFilter {
  private readonly entries: readonly Entry[];
  private readonly callbacks: HttpFilterCallbacks;

  constructor(entries: readonly Entry[], callbacks: HttpFilterCallbacks) {
    this.entries = entries;
    this.callbacks = callbacks;
  }

  decodeHeaders(_headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const context = new FilterFormatterContext(this.callbacks);
    for (let index = 0; index < this.entries.length; index++)
      this.set(this.entries[index]!, context);
    return "continue";
  }

  private set(entry: Entry, context: FilterFormatterContext): void {
    const { streamInfo } = this.callbacks;
    const text = entry.format.format(context);
    if (text === "" && entry.skipsEmpty) return;
    const present = streamInfo.filterState(entry.key);
    if (present instanceof TextState && present.readOnly) return;
    streamInfo.setFilterState(entry.key, new TextState(fromByteString(text), entry));
  }
}
