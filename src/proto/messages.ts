/**
 * Envoy v3 messages: bytes become plain messages; plain messages become bytes and JSON, and are
 * checked against the field rules. Texts are read by `text-messages.ts`. Nothing here throws on bad
 * input: problems are diagnostics.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { BinaryDecoder } from "./binary-decoder.ts";
import { BinaryEncoder } from "./binary-encoder.ts";
import { RuleChecker } from "./field-rules.ts";
import { JsonWriter, type NameStyle } from "./json-writer.ts";
import { loadRegistry, type MessageRegistry } from "./message-registry.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import type { JsonValue } from "./plain.ts";
import { WireError } from "./wire-reader.ts";

export interface DecodedBytes {
  /** null when the bytes are malformed. */
  readonly message: unknown;
  readonly diagnostics: readonly Diagnostic[];
  readonly unknownFields: readonly string[];
}

export class Messages {
  readonly registry: MessageRegistry;

  constructor(registry: MessageRegistry) {
    this.registry = registry;
  }

  /** Bytes → plain message. Field rules are not checked: call `checkRules`. */
  decodeBinary(typeName: string, bytes: Uint8Array): DecodedBytes {
    const type = this.registry.require(typeName);
    const decoder = new BinaryDecoder(this.registry);
    try {
      const message = decoder.decode(type, bytes);
      const { diagnostics, unknownFields } = decoder;
      return { message: hasErrors(diagnostics) ? null : message, diagnostics, unknownFields };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const path = decoder.currentPath;
      const problem: Diagnostic = { severity: "error", path, message: error.message, remedy: "" };
      return { message: null, diagnostics: [problem], unknownFields: [] };
    }
  }

  encodeBinary(typeName: string, plain: unknown): Uint8Array {
    return new BinaryEncoder(this.registry).encode(this.registry.require(typeName), plain);
  }

  /** A value for JSON.stringify, in protobuf's JSON mapping. */
  toJson(typeName: string, plain: unknown, names: NameStyle = "snake"): JsonValue {
    return new JsonWriter(this.registry, names).message(this.registry.require(typeName), plain);
  }

  /** Whether a dotted path of field names exists; only its last field may be repeated. */
  hasField(typeName: string, path: string): boolean {
    let type: MessageType | null = this.registry.require(typeName);
    let repeated = false;
    for (const name of path.split(".")) {
      const field: FieldType | undefined = repeated ? undefined : type?.fieldByName(name);
      if (field === undefined) return false;
      repeated = field.repeated || field.isMap;
      type = field.message;
    }
    return true;
  }

  /** The field rules of the protos, also inside every Any. */
  checkRules(typeName: string, plain: unknown, path: string = ""): Diagnostic[] {
    const checker = new RuleChecker(this.registry);
    checker.message(this.registry.require(typeName), plain, path);
    return checker.diagnostics;
  }
}

export async function loadMessages(): Promise<Messages> {
  return new Messages(await loadRegistry());
}

/** True when the diagnostics refuse the message. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}
