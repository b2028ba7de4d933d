/**
 * Run by hand: compares our messages with those that an Envoy binary carries and prints, in the
 * notation of build/descriptor/overlay/, what ours lack or state differently.
 * Usage: node build/compare-descriptors.ts PATH_OF_ENVOY
 */
import { existsSync, globSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { EnumModel, FieldModel, MessageModel, Model } from "./descriptor/model.ts";
import { fieldLine, withoutDefaults } from "./descriptor/overlay.ts";
import { packagedModel } from "./descriptor/packaged-model.ts";
import { readEnvoyBinary } from "./descriptor/read-envoy-binary.ts";

/** Options and v2 types that a binary carries but a configuration never names. */
const IGNORED = /(^|\.)annotations\.|^envoy\.type\.(matcher\.)?[A-Z]/;

/** The program itself, where `path` is the script that Envoy's Python package puts before it. */
export function programOf(path: string): string {
  const real = realpathSync(path);
  const packages = join(dirname(real), "../lib");
  if (readFileSync(real).subarray(0, 2).toString() !== "#!" || !existsSync(packages)) return real;
  const found = globSync("python*/site-packages/envoy/_bin/envoy", { cwd: packages });
  return found[0] === undefined ? real : join(packages, found[0]);
}

/** Lines of the overlay that would make `ours` say what `theirs` says. */
export function differences(ours: Model, theirs: Model): string[] {
  const lines: string[] = [];
  for (const message of theirs.messages.values()) {
    if (IGNORED.test(message.name)) continue;
    const found = messageLines(message, ours.messages.get(message.name));
    lines.push(...section(`message ${message.name}`, found));
  }
  for (const type of theirs.enums.values()) {
    if (IGNORED.test(type.name)) continue;
    lines.push(...section(`enum ${type.name}`, enumLines(type, ours.enums.get(type.name))));
  }
  return lines;
}

function section(title: string, lines: string[] | null): string[] {
  return lines === null ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

/** null when ours says the same. */
function messageLines(theirs: MessageModel, ours: MessageModel | undefined): string[] | null {
  const ourFields = ours?.fields ?? [];
  const lines = theirs.fields
    .filter((field) => !ourFields.some((other) => sameField(field, other)))
    .map((field) => fieldLine(field, theirs));
  for (const field of ourFields) {
    if (!theirs.fields.some((other) => other.name === field.name)) lines.push(`drop ${field.name}`);
  }
  for (const oneof of theirs.requiredOneofs) {
    if (ours?.requiredOneofs.includes(oneof) !== true) lines.push(`require ${oneof}`);
  }
  for (const oneof of ours?.requiredOneofs ?? []) {
    if (!theirs.requiredOneofs.includes(oneof)) lines.push(`unrequire ${oneof}`);
  }
  return ours !== undefined && lines.length === 0 ? null : lines;
}

function sameField(a: FieldModel, b: FieldModel): boolean {
  return (
    a.name === b.name &&
    a.number === b.number &&
    a.type === b.type &&
    a.label === b.label &&
    a.keyType === b.keyType &&
    a.oneof === b.oneof &&
    (a.deprecated ?? false) === (b.deprecated ?? false) &&
    isDeepStrictEqual(withoutDefaults(a.rules), withoutDefaults(b.rules))
  );
}

function enumLines(theirs: EnumModel, ours: EnumModel | undefined): string[] | null {
  const lines = theirs.values
    .filter((value) => !ours?.values.some((other) => isDeepStrictEqual(value, other)))
    .map((value) => `${value.number} ${value.name}`);
  return ours !== undefined && lines.length === 0 ? null : lines;
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path === undefined) {
    console.error("Usage: node build/compare-descriptors.ts PATH_OF_ENVOY");
    process.exit(1);
  }
  console.log(differences(packagedModel(), readEnvoyBinary(programOf(path))).join("\n"));
}
