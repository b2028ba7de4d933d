/**
 * Checks the field rules of the protos (`validate.rules`) on a plain message and everything in it,
 * Any contents too: required fields and oneofs, ranges, lengths, patterns, list and map sizes.
 * Semantics: protoc-gen-validate.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { envoyProblem } from "./envoy-rules.ts";
import type { MessageRegistry } from "./message-registry.ts";
import type { EnumType, FieldType, MessageType, PlainObject } from "./message-type.ts";
import type { AnyMessage, Duration } from "./plain.ts";
import { zeroOf } from "./plain-values.ts";
import type { Problem } from "./scalar-text.ts";
import {
  boolProblem,
  bytesProblem,
  count,
  durationProblem,
  enumProblem,
  numberProblem,
  type Rules,
  stringProblem,
} from "./value-rules.ts";

/** Extensions that only this proxy has need no message: their name alone is enough. */
const OUR_EXTENSIONS = "outrigger.";

function isOurs(field: FieldType, plain: PlainObject): boolean {
  const { name } = plain;
  return (
    field.name === "typed_config" && typeof name === "string" && name.startsWith(OUR_EXTENSIONS)
  );
}

export class RuleChecker {
  readonly diagnostics: Diagnostic[] = [];
  private readonly registry: MessageRegistry;

  constructor(registry: MessageRegistry) {
    this.registry = registry;
  }

  message(type: MessageType, plain: unknown, path: string): void {
    if (type.form === "any") this.any(plain as AnyMessage, path);
    else if (type.form === "object") this.object(type, plain as PlainObject, path);
  }

  private any(any: AnyMessage, path: string): void {
    if (any.value === undefined || any.value === null) return;
    const type = this.registry.messageOfUrl(any.typeUrl);
    if (type !== null) this.message(type, any.value, path);
  }

  private object(type: MessageType, plain: PlainObject, path: string): void {
    for (const field of type.fields) {
      const value = plain[field.jsonName];
      if (value === undefined && (field.rules === null || isOurs(field, plain))) continue;
      this.field(field, value, path);
    }
    for (const oneof of type.requiredOneofs) this.requiredOneof(type, oneof, plain, path);
    const problem = envoyProblem(type, plain, this.registry);
    if (problem !== null) this.report(path, problem);
  }

  private requiredOneof(type: MessageType, oneof: string, plain: PlainObject, path: string): void {
    const fields = type.fieldsOfOneof(oneof);
    if (fields.some((field) => plain[field.jsonName] !== undefined)) return;
    const names = fields
      .filter((field) => !field.deprecated)
      .map((field) => field.name)
      .join(", ");
    this.report(path, { message: `Lacks its ${oneof}`, remedy: `set one of ${names}` });
  }

  private field(field: FieldType, value: unknown, parent: string): void {
    const path = parent === "" ? field.name : `${parent}.${field.name}`;
    const rules = field.rules ?? {};
    if (value === undefined) {
      this.absent(field, rules, path);
      return;
    }
    if ((rules["message"] as Rules | undefined)?.["skip"] === true) return;
    if (field.isMap) this.map(field, rules, value as PlainObject, path);
    else if (field.repeated) this.list(field, rules, value as unknown[], path);
    else this.single(field, rules, value, path);
  }

  /**
   * Rules that speak of a field that is not set: required, sizes, and the zero value of a plain
   * scalar.
   */
  private absent(field: FieldType, rules: Rules, path: string): void {
    // A rule of a oneof's member speaks only when that member is the one that is set.
    if (field.oneof !== null) return;
    for (const kind of ["message", "any", "duration", "timestamp"]) {
      if ((rules[kind] as Rules | undefined)?.["required"] === true) {
        this.report(path, { message: "Is required", remedy: `add ${field.name}` });
        return;
      }
    }
    if (field.isMap) this.mapSize(rules, 0, path);
    else if (field.repeated) this.listSize(rules, 0, path);
    else if (!field.hasPresence && field.scalar !== null) {
      this.single(field, rules, zeroOf(field.scalar), path);
    } else if (!field.hasPresence && field.enum !== null) {
      this.single(field, rules, field.enum.nameOf(0) ?? 0, path);
    }
  }

  private single(field: FieldType, rules: Rules, value: unknown, path: string): void {
    for (const kind of Object.keys(rules)) {
      const problem = valueProblem(kind, rules[kind] as Rules, value, field.enum);
      if (problem !== null) this.report(path, problem);
    }
    if (field.message !== null) this.message(field.message, value, path);
  }

  private list(field: FieldType, rules: Rules, items: readonly unknown[], path: string): void {
    this.listSize(rules, items.length, path);
    const itemRules = ((rules["repeated"] as Rules | undefined)?.["items"] ?? {}) as Rules;
    const unique = (rules["repeated"] as Rules | undefined)?.["unique"] === true;
    const seen = new Set<unknown>();
    items.forEach((item, index) => {
      const itemPath = `${path}[${index}]`;
      if (unique && seen.has(item)) {
        this.report(itemPath, { message: `Repeats ${String(item)}`, remedy: "remove one" });
      }
      seen.add(item);
      this.single(field, itemRules, item, itemPath);
    });
  }

  private listSize(rules: Rules, size: number, path: string): void {
    const { min_items: min, max_items: max } = (rules["repeated"] ?? {}) as Rules;
    if (typeof min === "number" && size < min) {
      this.report(path, { message: `Needs at least ${count(min, "item")}`, remedy: "add one" });
    } else if (typeof max === "number" && size > max) {
      const message = `Takes at most ${count(max, "item")}, has ${size}`;
      this.report(path, { message, remedy: "remove some" });
    }
  }

  private map(field: FieldType, rules: Rules, map: PlainObject, path: string): void {
    const mapRules = (rules["map"] ?? {}) as Rules;
    const keyRules = ((mapRules["keys"] as Rules | undefined)?.["string"] ?? {}) as Rules;
    const valueRules = (mapRules["values"] ?? {}) as Rules;
    this.mapSize(rules, Object.keys(map).length, path);
    for (const [key, value] of Object.entries(map)) {
      const problem = stringProblem(keyRules, key);
      if (problem !== null) {
        this.report(path, { message: `Key "${key}": ${problem.message}`, remedy: problem.remedy });
      }
      this.single(field, valueRules, value, `${path}[${key}]`);
    }
  }

  private mapSize(rules: Rules, size: number, path: string): void {
    const { min_pairs: min } = (rules["map"] ?? {}) as Rules;
    if (typeof min !== "number" || size >= min) return;
    this.report(path, { message: `Needs at least ${count(min, "entry")}`, remedy: "add one" });
  }

  private report(path: string, problem: Problem): void {
    this.diagnostics.push({ severity: "error", path, ...problem });
  }
}

function valueProblem(
  kind: string,
  rules: Rules,
  value: unknown,
  enumType: EnumType | null,
): Problem | null {
  switch (kind) {
    case "string":
      return stringProblem(rules, value as string);
    case "bytes":
      return bytesProblem(rules, value as Uint8Array);
    case "bool":
      return boolProblem(rules, value as boolean);
    case "enum":
      return enumType === null ? null : enumProblem(rules, value, enumType);
    case "duration":
      return durationProblem(rules, value as Duration);
    case "any":
      return (value as AnyMessage).typeUrl === "" && rules["required"] === true
        ? { message: "Is required", remedy: 'add an "@type"' }
        : null;
    case "message":
      return null;
    default:
      return numberProblem(rules, value as number | bigint);
  }
}
