// Makes plain messages of any type from a seed: for round trips and fuzzing.
import type { FieldType, MessageType, ScalarKind } from "../../src/proto/message-type.ts";
import type { JsonValue } from "../../src/proto/plain.ts";
import type { SeededRandom } from "../kit/seeded-random.ts";

const MAX_DEPTH = 4;
const WORDS = ["", "a", "héllo", "true", "12", "null", "~", "a: b", "#x", "two\nlines", "*", "0x1"];

const INTEGERS: Readonly<Partial<Record<ScalarKind, readonly (number | bigint)[]>>> = {
  int32: [0, 1, -1, 2147483647, -2147483648],
  sint32: [0, 1, -1, 2147483647, -2147483648],
  sfixed32: [0, 1, -1, 2147483647, -2147483648],
  uint32: [0, 1, 300, 4294967295],
  fixed32: [0, 1, 300, 4294967295],
  int64: [0, -1, 5000000000, 9223372036854775807n, -9223372036854775808n],
  sint64: [0, -1, 5000000000, 9223372036854775807n, -9223372036854775808n],
  sfixed64: [0, -1, 5000000000, 9223372036854775807n, -9223372036854775808n],
  uint64: [0, 1, 5000000000, 18446744073709551615n],
  fixed64: [0, 1, 5000000000, 18446744073709551615n],
};

export class SampleMaker {
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** A plain message in canonical form: zero values of fields without presence are left out. */
  message(type: MessageType, depth: number = 0): unknown {
    switch (type.form) {
      case "object":
        return this.object(type, depth);
      case "wrapper":
        return this.scalar(type.wrapped);
      case "duration":
        return { seconds: this.pick([0, 1, 315576000000]), nanos: this.pick([0, 5000000, 1]) };
      case "timestamp":
        return { seconds: this.pick([0, 1700000000, -1]), nanos: this.pick([0, 120000000, 7]) };
      case "any":
        return this.any();
      case "struct":
        return { a: this.json(), [this.pick(WORDS)]: this.json() };
      case "list":
        return [this.json(), this.json()];
      case "value":
        return this.json();
      case "fieldMask":
        return "a,b.c";
    }
  }

  private object(type: MessageType, depth: number): Record<string, unknown> {
    const plain: Record<string, unknown> = {};
    const taken = new Set<string>();
    for (const field of type.fields) {
      if (field.oneof !== null && (taken.has(field.oneof) || this.oneIn(2))) continue;
      if (field.message !== null && depth >= MAX_DEPTH) continue;
      if (this.oneIn(4)) continue;
      const value = this.field(field, depth);
      if (value === undefined) continue;
      if (field.oneof !== null) taken.add(field.oneof);
      plain[field.jsonName] = value;
    }
    return plain;
  }

  private field(field: FieldType, depth: number): unknown {
    const single = (): unknown => this.single(field, depth);
    if (field.repeated) return [single(), single()];
    if (field.isMap) {
      const keys = field.keyKind === "string" ? ["k", "a.b/c"] : ["1", "2"];
      if (field.keyKind === "bool") keys.splice(0, 2, "true", "false");
      return Object.fromEntries(keys.map((key) => [key, single()]));
    }
    const value = single();
    return !field.hasPresence && field.message === null && isZero(field, value) ? undefined : value;
  }

  private single(field: FieldType, depth: number): unknown {
    if (field.scalar !== null) return this.scalar(field.scalar);
    if (field.message !== null) return this.message(field.message, depth + 1);
    return this.pick(canonicalNames(field));
  }

  private any(): unknown {
    const prefix = "type.googleapis.com/google.protobuf.";
    return this.pick([
      { typeUrl: `${prefix}StringValue`, value: "x" },
      { typeUrl: `${prefix}Duration`, value: { seconds: 5, nanos: 0 } },
      { typeUrl: `${prefix}Empty`, value: {} },
      { typeUrl: `${prefix}Struct`, value: { a: 1 } },
      { typeUrl: "type.googleapis.com/envoy.type.v3.Percent", value: { value: 12.5 } },
    ]);
  }

  private json(): JsonValue {
    return this.pick<JsonValue>([
      null,
      true,
      5,
      -3,
      "text",
      "12",
      [1, "a", null],
      { b: { c: [] } },
    ]);
  }

  private scalar(kind: ScalarKind): unknown {
    if (kind === "string") return this.pick(WORDS);
    if (kind === "bool") return this.oneIn(2);
    if (kind === "bytes")
      return this.pick([[], [0], [255, 254, 0, 1]].map((b) => new Uint8Array(b)));
    if (kind === "float")
      return this.pick([0, 1.5, Math.fround(0.1), -1e30, Number.NaN].map(Math.fround));
    if (kind === "double") return this.pick([0, 0.1, 1e300, -2.5, Number.POSITIVE_INFINITY]);
    return this.pick(INTEGERS[kind] ?? [0]);
  }

  private oneIn(count: number): boolean {
    return this.random.below(count) === 0;
  }

  private pick<T>(items: readonly T[]): T {
    return this.random.pick(items);
  }
}

function canonicalNames(field: FieldType): string[] {
  const type = field.enum;
  if (type === null) return [];
  return type.valueNames.filter((name) => type.nameOf(type.numberOf(name) as number) === name);
}

function isZero(field: FieldType, value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  if (field.enum !== null) return field.enum.numberOf(value as string) === 0;
  return value === "" || value === false || value === 0;
}
