/**
 * Reads .proto files with protobufjs into the generator's model, keeping field rules and
 * deprecation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import {
  emptyModel,
  type FieldModel,
  type MessageModel,
  type Model,
  type RulesLiteral,
  SCALAR_TYPES,
} from "./model.ts";

interface ParsedOption {
  readonly [name: string]: unknown;
}

/** Parses every .proto below the folders (skipping paths that `skip` names) into one model. */
export function readProtos(folders: readonly string[], skip: (path: string) => boolean): Model {
  const root = new protobuf.Root();
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !entry.name.endsWith(".proto") || skip(path)) continue;
      protobuf.parse(readFileSync(path, "utf8"), root, { keepCase: true });
    }
  }
  const model = emptyModel();
  addNamespace(root, "", model);
  return model;
}

function addNamespace(namespace: protobuf.NamespaceBase, packageName: string, model: Model): void {
  for (const child of namespace.nestedArray) {
    if (child instanceof protobuf.Type) addMessage(child, packageName, model);
    else if (child instanceof protobuf.Enum) addEnum(child, packageName, model);
    else if (child instanceof protobuf.Namespace && !(child instanceof protobuf.Service)) {
      addNamespace(child, packageName === "" ? child.name : `${packageName}.${child.name}`, model);
    }
  }
}

function addEnum(type: protobuf.Enum, packageName: string, model: Model): void {
  const name = type.fullName.slice(1);
  const values = Object.entries(type.values).map(([key, number]) => ({ name: key, number }));
  model.enums.set(name, { kind: "enum", name, package: packageName, values });
}

function addMessage(type: protobuf.Type, packageName: string, model: Model): void {
  const name = type.fullName.slice(1);
  const message: MessageModel = {
    kind: "message",
    name,
    package: packageName,
    fields: type.fieldsArray.map((field) => readField(field, type)),
    requiredOneofs: type.oneofsArray
      .filter((oneof) => option(oneof, "(validate.required)") === true)
      .map((oneof) => oneof.name),
  };
  const versioning = option(type, "(udpa.annotations.versioning)");
  if (isLiteralObject(versioning) && typeof versioning["previous_message_type"] === "string") {
    message.previousName = versioning["previous_message_type"];
  }
  model.messages.set(name, message);
  for (const nested of type.nestedArray) {
    if (nested instanceof protobuf.Type) addMessage(nested, packageName, model);
    else if (nested instanceof protobuf.Enum) addEnum(nested, packageName, model);
  }
}

function readField(field: protobuf.Field, owner: protobuf.Type): FieldModel {
  const proto3Optional = option(field, "proto3_optional") === true;
  const result: FieldModel = {
    name: field.name,
    number: field.id,
    type: resolveTypeName(field.type, owner),
    label: labelOf(field, proto3Optional),
  };
  if (field instanceof protobuf.MapField) result.keyType = field.keyType;
  if (field.partOf !== null && field.partOf !== undefined && !proto3Optional) {
    result.oneof = field.partOf.name;
  }
  const jsonName = option(field, "json_name");
  if (typeof jsonName === "string") result.jsonName = jsonName;
  const rules = option(field, "(validate.rules)");
  if (rules !== undefined) result.rules = rules as RulesLiteral;
  if (option(field, "deprecated") === true) result.deprecated = true;
  return result;
}

function labelOf(field: protobuf.Field, proto3Optional: boolean): FieldModel["label"] {
  if (field instanceof protobuf.MapField) return "map";
  if (field.repeated) return "repeated";
  return proto3Optional ? "optional" : "single";
}

/**
 * Full name of a field's type. A type that no file defines keeps the name as written, and is
 * reported later.
 */
function resolveTypeName(type: string, scope: protobuf.Type): string {
  if (SCALAR_TYPES.has(type)) return type;
  const found = scope.lookup(type, [protobuf.Type, protobuf.Enum]);
  return found === null ? type.replace(/^\./, "") : found.fullName.slice(1);
}

/**
 * The value of an option, its pieces (`(validate.rules).string.min_len = 1` written twice) merged.
 */
function option(object: protobuf.ReflectionObject, name: string): unknown {
  let merged: unknown;
  for (const parsed of (object.parsedOptions ?? []) as ParsedOption[]) {
    if (!Object.hasOwn(parsed, name)) continue;
    merged = merged === undefined ? parsed[name] : mergeLiterals(merged, parsed[name]);
  }
  return merged ?? object.options?.[name];
}

function mergeLiterals(target: unknown, added: unknown): unknown {
  if (!isLiteralObject(target) || !isLiteralObject(added)) return added;
  const merged: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(added)) {
    merged[key] = Object.hasOwn(merged, key) ? mergeLiterals(merged[key], value) : value;
  }
  return merged;
}

function isLiteralObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
