/** protobuf's own message types (Any, Duration, Struct, wrappers …) as models. */
import type { FieldModel, Model } from "./model.ts";

const PACKAGE = "google.protobuf";

function field(
  name: string,
  number: number,
  type: string,
  extra: Partial<FieldModel> = {},
): FieldModel {
  return { name, number, type, label: "single", ...extra };
}

const VALUE_KIND = { oneof: "kind" };
const MESSAGES: Readonly<Record<string, FieldModel[]>> = {
  Any: [field("type_url", 1, "string"), field("value", 2, "bytes")],
  Duration: [field("seconds", 1, "int64"), field("nanos", 2, "int32")],
  Timestamp: [field("seconds", 1, "int64"), field("nanos", 2, "int32")],
  Empty: [],
  FieldMask: [field("paths", 1, "string", { label: "repeated" })],
  Struct: [field("fields", 1, `${PACKAGE}.Value`, { label: "map", keyType: "string" })],
  ListValue: [field("values", 1, `${PACKAGE}.Value`, { label: "repeated" })],
  Value: [
    field("null_value", 1, `${PACKAGE}.NullValue`, VALUE_KIND),
    field("number_value", 2, "double", VALUE_KIND),
    field("string_value", 3, "string", VALUE_KIND),
    field("bool_value", 4, "bool", VALUE_KIND),
    field("struct_value", 5, `${PACKAGE}.Struct`, VALUE_KIND),
    field("list_value", 6, `${PACKAGE}.ListValue`, VALUE_KIND),
  ],
  DoubleValue: [field("value", 1, "double")],
  FloatValue: [field("value", 1, "float")],
  Int64Value: [field("value", 1, "int64")],
  UInt64Value: [field("value", 1, "uint64")],
  Int32Value: [field("value", 1, "int32")],
  UInt32Value: [field("value", 1, "uint32")],
  BoolValue: [field("value", 1, "bool")],
  StringValue: [field("value", 1, "string")],
  BytesValue: [field("value", 1, "bytes")],
};

export function addWellKnownTypes(model: Model): void {
  for (const [name, fields] of Object.entries(MESSAGES)) {
    const fullName = `${PACKAGE}.${name}`;
    model.messages.set(fullName, {
      kind: "message",
      name: fullName,
      package: PACKAGE,
      fields,
      requiredOneofs: [],
    });
  }
  model.enums.set(`${PACKAGE}.NullValue`, {
    kind: "enum",
    name: `${PACKAGE}.NullValue`,
    package: PACKAGE,
    values: [{ name: "NULL_VALUE", number: 0 }],
  });
}
