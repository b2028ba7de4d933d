/**
 * Source nodes (from YAML, JSON or a Struct) → plain message, by protobuf's JSON mapping, with a
 * diagnostic for each thing that does not fit. Accepts snake_case and camelCase names.
 */
import type { DiagnosticSink } from "./diagnostic-sink.ts";
import { type MessageRegistry, TYPE_URL_PREFIX } from "./message-registry.ts";
import type { EnumType, FieldType, MessageType, PlainObject } from "./message-type.ts";
import type { AnyMessage, JsonObject, JsonValue } from "./plain.ts";
import { isZeroScalar, setEntry, zeroOf } from "./plain-values.ts";
import { unknownEnumRemedy, unknownFieldRemedy, unknownType } from "./remedies.ts";
import { describe, readScalar } from "./scalar-text.ts";
import {
  findEntry,
  type MapEntry,
  type MapNode,
  type ScalarNode,
  type SourceNode,
} from "./source-node.ts";
import { parseDuration, parseTimestamp } from "./time-text.ts";

export interface NodeDecoderOptions {
  /** `error` refuses fields that the descriptor does not know; `collect` skips and lists them. */
  readonly unknownFields: "error" | "collect";
  /** Warn of each deprecated field that is set. Default false. */
  readonly warnDeprecated?: boolean;
}

const MAX_DEPTH = 100;
const WRITE_MAP = "write fields as name: value";
const WRITE_LIST = "begin each item with -";
const ADD_TYPE = `add "@type": ${TYPE_URL_PREFIX}...`;

/** What a node is, for messages. */
function nounOf(node: SourceNode): string {
  if (node.kind === "map") return "a map";
  return node.kind === "list" ? "a list" : describe(node);
}

export class NodeDecoder {
  /** Paths of skipped fields. */
  readonly unknownFields: string[] = [];
  private readonly registry: MessageRegistry;
  private readonly sink: DiagnosticSink;
  private readonly options: NodeDecoderOptions;
  private depth = 0;

  constructor(registry: MessageRegistry, sink: DiagnosticSink, options: NodeDecoderOptions) {
    this.registry = registry;
    this.sink = sink;
    this.options = options;
  }

  /** undefined after a problem, and for a null that means "not set". */
  message(type: MessageType, node: SourceNode, path: string): unknown {
    if (this.depth >= MAX_DEPTH) {
      return this.fail(node, path, "Messages are nested too deeply", "nest 100 or less");
    }
    this.depth++;
    const value = this.messageOfForm(type, node, path);
    this.depth--;
    return value;
  }

  /**
   * The content of an Any: the fields themselves, or `value` for a type with a JSON form of its
   * own.
   */
  anyContent(type: MessageType, node: SourceNode, path: string): unknown {
    if (type.form === "object") {
      if (node.kind !== "map") return this.expected("a map", node, path, WRITE_MAP);
      return this.fields(type, node, path);
    }
    if (node.kind !== "map") return this.message(type, node, path);
    for (const entry of node.entries) {
      if (entry.key !== "value") this.unknownField(type, entry, path);
    }
    const value = findEntry(node, "value")?.value;
    return value === undefined ? emptyValue(type) : this.message(type, value, path);
  }

  private messageOfForm(type: MessageType, node: SourceNode, path: string): unknown {
    switch (type.form) {
      case "object":
        if (node.kind !== "map") return this.expectedMessage(type, node, path);
        return this.fields(type, node, path);
      case "wrapper":
        return this.wrapper(type, node, path);
      case "duration":
        return this.duration(type, node, path);
      case "timestamp":
        return this.timestamp(type, node, path);
      case "any":
        return this.any(node, path);
      case "value":
        return jsonOf(node);
      case "struct":
        return node.kind === "map" ? jsonOf(node) : this.expected("a map", node, path, WRITE_MAP);
      case "list":
        return node.kind === "list"
          ? jsonOf(node)
          : this.expected("a list", node, path, WRITE_LIST);
      case "fieldMask":
        if (node.kind !== "scalar")
          return this.expected("field names with commas", node, path, 'write "a,b.c"');
        return this.read(node, path, readScalar("string", node));
    }
  }

  private fields(type: MessageType, map: MapNode, path: string): PlainObject {
    const target: PlainObject = {};
    const setBy = new Map<string, string>();
    for (const entry of map.entries) {
      const field = type.fieldByName(entry.key);
      if (field === undefined) this.unknownField(type, entry, path);
      else this.fieldOfMap(type, field, entry, path, { target, setBy });
    }
    return target;
  }

  private fieldOfMap(
    type: MessageType,
    field: FieldType,
    entry: MapEntry,
    path: string,
    owner: { readonly target: PlainObject; readonly setBy: Map<string, string> },
  ): void {
    const fieldPath = path === "" ? field.name : `${path}.${field.name}`;
    if (isNull(entry.value) && !takesNull(field)) return;
    const slot = field.oneof ?? field.name;
    const rival = owner.setBy.get(slot);
    if (rival !== undefined) {
      this.conflict(field, rival, entry, fieldPath);
      return;
    }
    owner.setBy.set(slot, entry.key);
    if (field.deprecated && this.options.warnDeprecated === true) {
      this.sink.warn(fieldPath, entry.keyOffset, `Deprecated field of ${type.name}`);
    }
    const value = this.fieldValue(field, entry.value, fieldPath);
    if (value === undefined) return;
    if (field.hasPresence || !isZeroField(field, value)) owner.target[field.jsonName] = value;
  }

  private conflict(field: FieldType, rival: string, entry: MapEntry, path: string): void {
    const message =
      field.oneof === null
        ? `Already set as "${rival}"`
        : `Excludes "${rival}": only one of the two may be set (${field.oneof})`;
    this.sink.error(path, entry.keyOffset, message, `remove "${rival}" or "${entry.key}"`);
  }

  private unknownField(type: MessageType, entry: MapEntry, path: string): void {
    if (entry.key === "@type") return;
    const fieldPath = path === "" ? entry.key : `${path}.${entry.key}`;
    if (this.options.unknownFields === "collect") {
      this.unknownFields.push(fieldPath);
      return;
    }
    const remedy = unknownFieldRemedy(type, entry.key);
    const message = `Unknown field "${entry.key}" in ${type.name}`;
    this.sink.error(fieldPath, entry.keyOffset, message, remedy);
  }

  private fieldValue(field: FieldType, node: SourceNode, path: string): unknown {
    if (field.isMap) return this.map(field, node, path);
    return field.repeated ? this.list(field, node, path) : this.single(field, node, path);
  }

  private list(field: FieldType, node: SourceNode, path: string): unknown {
    if (node.kind !== "list") return this.expected("a list", node, path, WRITE_LIST);
    const items: unknown[] = [];
    node.items.forEach((item, index) => {
      const itemPath = `${path}[${index}]`;
      if (isNull(item) && !takesNull(field)) {
        this.fail(item, itemPath, "An item of a list cannot be null", "remove the item or fill it");
        return;
      }
      items.push(this.single(field, item, itemPath));
    });
    return items.length === 0 ? undefined : items;
  }

  private map(field: FieldType, node: SourceNode, path: string): unknown {
    if (node.kind !== "map") return this.expected("a map", node, path, WRITE_MAP);
    const map: Record<string, unknown> = {};
    for (const entry of node.entries) {
      const entryPath = `${path}[${entry.key}]`;
      const key = this.mapKey(field, entry, entryPath);
      if (key !== undefined) setEntry(map, key, this.mapValue(field, entry.value, entryPath));
    }
    return node.entries.length === 0 ? undefined : map;
  }

  /** `key:` with nothing behind it means an empty message, as Envoy takes it. */
  private mapValue(field: FieldType, node: SourceNode, path: string): unknown {
    if (!isNull(node) || takesNull(field)) return this.single(field, node, path);
    const form = field.message?.form;
    if (form === "object" || form === "struct") return {};
    return this.fail(node, path, "A value of a map cannot be null", "write a value");
  }

  private mapKey(field: FieldType, entry: MapEntry, path: string): string | undefined {
    const kind = field.keyKind ?? "string";
    if (kind === "string") return entry.key;
    const { key } = entry;
    const value = kind === "bool" && /^(true|false)$/.test(key) ? key === "true" : key;
    const offset = entry.keyOffset;
    const node: ScalarNode = { kind: "scalar", value, text: key, plain: true, offset };
    const reading = this.read(node, path, readScalar(kind, node));
    return reading === undefined ? undefined : String(reading);
  }

  private single(field: FieldType, node: SourceNode, path: string): unknown {
    if (field.message !== null) return this.message(field.message, node, path);
    if (node.kind !== "scalar") {
      return this.expected(nounOfField(field), node, path, "write one value");
    }
    if (field.scalar !== null) return this.read(node, path, readScalar(field.scalar, node));
    return this.enumValue(field.enum as EnumType, node, path);
  }

  private enumValue(type: EnumType, node: ScalarNode, path: string): unknown {
    const { value } = node;
    if (value === null) return type.valueNames[0];
    const number = typeof value === "string" ? type.find(value) : value;
    if (typeof number === "number" && Number.isInteger(number)) {
      return type.nameOf(number) ?? number;
    }
    // Unquoted ON, OFF, Y and N are booleans to YAML.
    const quoted = typeof value === "boolean" && type.find(node.text) !== undefined;
    const remedy = quoted ? `put it in quotes: "${node.text}"` : unknownEnumRemedy(type, node.text);
    return this.fail(node, path, `Unknown value ${describe(node)}`, remedy);
  }

  private duration(type: MessageType, node: SourceNode, path: string): unknown {
    if (node.kind === "map") return this.timeParts(type, node, path);
    const isText = node.kind === "scalar" && typeof node.value === "string";
    const duration = isText ? parseDuration(node.text) : null;
    if (duration !== null) return duration;
    const isNumber = node.kind === "scalar" && typeof node.value === "number";
    const unit = node.kind === "scalar" ? /^(\d+(?:\.\d+)?)(ms|m|h)$/.exec(node.text) : null;
    const remedy = unit !== null ? `write "${inSeconds(unit)}s"` : 'write seconds: "1.5s"';
    return this.fail(
      node,
      path,
      `Expected a duration, found ${nounOf(node)}`,
      isNumber ? `write "${node.text}s"` : remedy,
    );
  }

  /** The bare value; Envoy also takes `{ value: … }`. */
  private wrapper(type: MessageType, node: SourceNode, path: string): unknown {
    if (node.kind === "map") return this.fields(type, node, path)["value"] ?? zeroOf(type.wrapped);
    if (node.kind === "scalar") return this.read(node, path, readScalar(type.wrapped, node));
    return this.expected(`a plain ${type.wrapped}`, node, path, "write one value");
  }

  /** Envoy also takes `{ seconds: 1, nanos: 0 }`. */
  private timeParts(type: MessageType, node: MapNode, path: string): unknown {
    const { seconds, nanos } = this.fields(type, node, path);
    return { seconds: Number(seconds ?? 0), nanos: Number(nanos ?? 0) };
  }

  private timestamp(type: MessageType, node: SourceNode, path: string): unknown {
    if (node.kind === "map") return this.timeParts(type, node, path);
    const isText = node.kind === "scalar" && typeof node.value === "string";
    const timestamp = isText ? parseTimestamp(node.text) : null;
    if (timestamp !== null) return timestamp;
    const message = `Expected a time, found ${nounOf(node)}`;
    return this.fail(node, path, message, 'write RFC 3339: "2026-01-31T12:00:00Z"');
  }

  private any(node: SourceNode, path: string): AnyMessage | undefined {
    if (node.kind !== "map") return this.expected('a map with an "@type"', node, path, ADD_TYPE);
    if (node.entries.length === 0) return { typeUrl: "", value: undefined };
    const entry = findEntry(node, "@type");
    if (entry === undefined) {
      return this.fail(node, path, 'Lacks "@type", which says what the fields mean', ADD_TYPE);
    }
    const typeUrl = entry.value.kind === "scalar" ? entry.value.text : "";
    const type = this.typeOfUrl(typeUrl, entry.value, path);
    if (type === null) return undefined;
    if (type.isTypedStruct) return this.typedStruct(typeUrl, type, node, path);
    return { typeUrl, value: this.anyContent(type, node, path) };
  }

  private typeOfUrl(typeUrl: string, node: SourceNode, path: string): MessageType | null {
    const typePath = `${path}.@type`;
    const type = this.registry.messageOfUrl(typeUrl);
    if (type !== null && typeUrl.includes("/")) return type;
    if (type !== null) {
      const remedy = `write ${TYPE_URL_PREFIX}${typeUrl}`;
      this.fail(node, typePath, "A type URL needs a slash before the type name", remedy);
      return null;
    }
    const problem = unknownType(typeUrl, this.registry);
    this.fail(node, typePath, problem.message, problem.remedy);
    return null;
  }

  /**
   * `{ "@type": …TypedStruct, type_url, value: { fields } }`, read as the type that `type_url`
   * names.
   */
  private typedStruct(
    outerUrl: string,
    outer: MessageType,
    node: MapNode,
    path: string,
  ): AnyMessage | undefined {
    const urlNode = (findEntry(node, "type_url") ?? findEntry(node, "typeUrl"))?.value;
    const typeUrl = urlNode?.kind === "scalar" ? urlNode.text : "";
    const inner = this.registry.messageOfUrl(typeUrl);
    if (inner === null) return { typeUrl: outerUrl, value: this.fields(outer, node, path) };
    for (const entry of node.entries) {
      if (outer.fieldByName(entry.key) === undefined) this.unknownField(outer, entry, path);
    }
    const content = findEntry(node, "value")?.value;
    const isEmpty = content === undefined || isNull(content);
    if (!isEmpty && content.kind !== "map") return this.expected("a map", content, path, WRITE_MAP);
    return {
      typeUrl,
      value: isEmpty ? {} : this.anyContent(inner, content, path),
      typedStruct: { typeUrl: outerUrl, value: isEmpty ? {} : (jsonOf(content) as JsonObject) },
    };
  }

  private read(node: ScalarNode, path: string, reading: ReturnType<typeof readScalar>): unknown {
    if ("value" in reading) return reading.value;
    return this.fail(node, path, reading.problem.message, reading.problem.remedy);
  }

  private expectedMessage(type: MessageType, node: SourceNode, path: string): undefined {
    const names = type.fields.slice(0, 6).map((field) => field.name);
    const remedy = names.length === 0 ? "write {}" : `fields here: ${names.join(", ")}`;
    return this.expected("a map", node, path, remedy);
  }

  private expected(what: string, node: SourceNode, path: string, remedy: string): undefined {
    return this.fail(node, path, `Expected ${what}, found ${nounOf(node)}`, remedy);
  }

  private fail(node: SourceNode, path: string, message: string, remedy: string): undefined {
    this.sink.error(path, node.offset, message, remedy);
    return undefined;
  }
}

function nounOfField({ scalar }: FieldType): string {
  return scalar === null ? "a name" : `a ${scalar}`;
}

/** A message of the type with nothing set. */
function emptyValue(type: MessageType): unknown {
  switch (type.form) {
    case "wrapper":
      return zeroOf(type.wrapped);
    case "duration":
    case "timestamp":
      return { seconds: 0, nanos: 0 };
    case "fieldMask":
      return "";
    case "list":
      return [];
    case "value":
      return null;
    case "any":
      return { typeUrl: "", value: undefined };
    default:
      return {};
  }
}

function isNull(node: SourceNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** null is a value of google.protobuf.Value, and "not set" everywhere else. */
function takesNull(field: FieldType): boolean {
  return field.message?.form === "value" || field.enum?.name === "google.protobuf.NullValue";
}

function isZeroField(field: FieldType, value: unknown): boolean {
  if (field.repeated || field.isMap || field.message !== null) return false;
  if (field.scalar !== null) return isZeroScalar(value);
  return field.enum?.numberOf(value as string) === 0;
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, m: 60, h: 3600 };

function inSeconds(match: RegExpExecArray): number {
  const [, amount, unit = ""] = match;
  return Number((Number(amount) * (SECONDS[unit] ?? 1)).toFixed(9));
}

function jsonOf(node: SourceNode): JsonValue {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(jsonOf);
  const object: JsonObject = {};
  for (const entry of node.entries) setEntry(object, entry.key, jsonOf(entry.value));
  return object;
}
