/**
 * The overlay: messages, fields and enum values that are newer than the .proto files we generate
 * from, or that those lack. Tables in overlay/*.txt, one line per field:
 *
 *     message envoy.config.listener.v3.Listener
 *       37 tcp_keepalive core.v3.TcpKeepalive
 *       NUMBER NAME [repeated|optional] TYPE [in ONEOF] [deprecated] [RULE=JSON …]
 *       drop NAME / require ONEOF / unrequire ONEOF
 *     enum NAME
 *       NUMBER NAME
 *
 * Types resolve as in a .proto file (innermost scope first), then below google.protobuf. A line
 * replaces the field of that name. `RULE` is a path into validate.FieldRules (`string.min_len=1`),
 * true when it has no value.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type FieldModel, type MessageModel, type Model, SCALAR_TYPES } from "./model.ts";

const FOLDER = join(import.meta.dirname, "overlay");
const WELL_KNOWN = "google.protobuf";

interface Section {
  readonly kind: "message" | "enum";
  readonly name: string;
  readonly lines: readonly string[];
}

/** Applies every table of the folder. */
export function applyOverlay(model: Model): void {
  const tables = readdirSync(FOLDER)
    .sort()
    .map((file) => readFileSync(join(FOLDER, file), "utf8"));
  applyTable(model, tables.join("\n"));
}

/** Applies a table. Types are resolved when all its names are known. */
export function applyTable(model: Model, text: string): void {
  const sections = readSections(text);
  const known = new Set([...model.messages.keys(), ...model.enums.keys()]);
  for (const section of sections) known.add(section.name);
  for (const section of sections) {
    if (section.kind === "enum") applyEnum(model, section);
    else applyMessage(model, section, known);
  }
}

function readSections(text: string): Section[] {
  const sections: { kind: "message" | "enum"; name: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    const title = /^(message|enum) (\S+)$/.exec(line);
    if (title === null) sections.at(-1)?.lines.push(content);
    else sections.push({ kind: title[1] as Section["kind"], name: title[2] ?? "", lines: [] });
  }
  return sections;
}

/** Everything before the first capitalised part: `envoy.type.v3.Percent` is in `envoy.type.v3`. */
function packageOf(name: string): string {
  return name.replace(/\.[A-Z].*$/, "");
}

function applyEnum(model: Model, section: Section): void {
  const { name } = section;
  const type = model.enums.get(name) ?? {
    kind: "enum" as const,
    name,
    package: packageOf(name),
    values: [],
  };
  model.enums.set(name, type);
  for (const line of section.lines) {
    const [number, value] = line.split(" ");
    type.values.push({ name: value ?? "", number: Number(number) });
  }
}

function applyMessage(model: Model, section: Section, known: ReadonlySet<string>): void {
  const { name } = section;
  const message: MessageModel = model.messages.get(name) ?? {
    kind: "message",
    name,
    package: packageOf(name),
    fields: [],
    requiredOneofs: [],
  };
  model.messages.set(name, message);
  for (const line of section.lines) applyLine(message, line, known);
}

function applyLine(message: MessageModel, line: string, known: ReadonlySet<string>): void {
  const [verb, subject = ""] = line.split(" ");
  if (verb === "drop") message.fields = message.fields.filter((field) => field.name !== subject);
  else if (verb === "require") message.requiredOneofs.push(subject);
  else if (verb === "unrequire") {
    message.requiredOneofs = message.requiredOneofs.filter((oneof) => oneof !== subject);
  } else {
    const field = parseField(line, message.name, known);
    const index = message.fields.findIndex((other) => other.name === field.name);
    if (index < 0) message.fields.push(field);
    else message.fields[index] = field;
  }
}

function parseField(line: string, scope: string, known: ReadonlySet<string>): FieldModel {
  const words = line.split(" ");
  const [number, name = ""] = words.splice(0, 2);
  const label = words[0] === "repeated" || words[0] === "optional" ? words.shift() : "single";
  const typeText = words.shift() ?? "";
  const field: FieldModel = {
    name,
    number: Number(number),
    type: "",
    label: label as FieldModel["label"],
  };
  const map = /^map<(\w+),(.+)>$/.exec(typeText);
  if (map !== null) {
    field.label = "map";
    field.keyType = map[1] ?? "";
  }
  field.type = resolveType(map?.[2] ?? typeText, scope, known);
  if (words[0] === "in") [, field.oneof = ""] = words.splice(0, 2);
  if (words[0] === "deprecated") {
    field.deprecated = true;
    words.shift();
  }
  for (const word of words) addRule(field, word);
  return field;
}

function resolveType(type: string, scope: string, known: ReadonlySet<string>): string {
  if (SCALAR_TYPES.has(type)) return type;
  for (let prefix = scope; ; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
    const name = prefix === "" ? type : `${prefix}.${type}`;
    if (known.has(name)) return name;
    if (prefix === "") return `${WELL_KNOWN}.${type}`;
  }
}

function addRule(field: FieldModel, word: string): void {
  const separator = word.indexOf("=");
  const path = separator < 0 ? word : word.slice(0, separator);
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  field.rules ??= {};
  let target: Record<string, unknown> = field.rules;
  for (const step of steps) {
    target[step] ??= {};
    target = target[step] as Record<string, unknown>;
  }
  target[last] = separator < 0 ? true : (JSON.parse(word.slice(separator + 1)) as unknown);
}

/** A field in the notation of the tables. */
export function fieldLine(field: FieldModel, owner: MessageModel): string {
  const type = shortType(field.type, owner);
  const words = [`${field.number} ${field.name}`];
  if (field.label === "repeated" || field.label === "optional") words.push(field.label);
  words.push(field.label === "map" ? `map<${field.keyType},${type}>` : type);
  if (field.oneof !== undefined) words.push(`in ${field.oneof}`);
  if (field.deprecated === true) words.push("deprecated");
  words.push(...ruleWords("", field.rules ?? {}));
  return words.join(" ");
}

function shortType(type: string, owner: MessageModel): string {
  for (const scope of [owner.name, owner.package, WELL_KNOWN]) {
    if (type.startsWith(`${scope}.`)) return type.slice(scope.length + 1);
  }
  return type;
}

function ruleWords(prefix: string, rules: Record<string, unknown>): string[] {
  return Object.entries(rules).flatMap(([key, value]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (value === true) return [path];
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && Object.keys(value).length > 0) {
      return ruleWords(path, value as Record<string, unknown>);
    }
    return [`${path}=${JSON.stringify(value).replaceAll(" ", "\\u0020")}`];
  });
}

/** Rules without parts that say nothing (`required: false`, `seconds: 0`), for comparison. */
export function withoutDefaults(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value)
    .filter(([key, item]) => item !== false && !(item === 0 && /seconds|nanos/.test(key)))
    .map(([key, item]) => [key, withoutDefaults(item)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(kept);
}
