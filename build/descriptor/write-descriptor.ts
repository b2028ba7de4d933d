/** Turns the model into the stripped JSON descriptor that the product loads. */
import type {
  StoredDescriptor,
  StoredField,
  StoredFieldExtra,
} from "../../src/proto/descriptor.ts";
import type { EnumModel, FieldModel, MessageModel, Model } from "./model.ts";

const LABEL_NUMBERS = { single: 0, optional: 1, repeated: 2, map: 3 } as const;

export function descriptorText(model: Model): string {
  const descriptor: StoredDescriptor = {
    messages: Object.fromEntries(
      sorted(model.messages.values()).map((message) => [message.name, messageText(message)]),
    ),
    enums: Object.fromEntries(
      sorted(model.enums.values()).map((type) => [type.name, enumText(type)]),
    ),
    successors: JSON.stringify(successors(model)),
  };
  return `${JSON.stringify(descriptor, null, 0)}\n`;
}

function successors(model: Model): Record<string, string> {
  const named = sorted(model.messages.values()).filter((message) => message.previousName);
  return Object.fromEntries(named.map((message) => [message.previousName, message.name]));
}

function sorted<T extends { name: string }>(items: Iterable<T>): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function messageText(message: MessageModel): string {
  const fields = message.fields.map(storedField);
  const required = message.requiredOneofs;
  return JSON.stringify(required.length === 0 ? { fields } : { fields, required });
}

function enumText(type: EnumModel): string {
  return JSON.stringify(type.values.map((value) => [value.name, value.number]));
}

function storedField(field: FieldModel): StoredField {
  const extra: StoredFieldExtra = {
    ...(field.keyType !== undefined && { key: field.keyType }),
    ...(field.oneof !== undefined && { oneof: field.oneof }),
    ...(field.jsonName !== undefined && { json: field.jsonName }),
    ...(field.rules !== undefined && { rules: field.rules }),
    ...(field.deprecated === true && { deprecated: 1 }),
  };
  const label = LABEL_NUMBERS[field.label];
  if (Object.keys(extra).length > 0) return [field.name, field.number, field.type, label, extra];
  if (label !== 0) return [field.name, field.number, field.type, label];
  return [field.name, field.number, field.type];
}
