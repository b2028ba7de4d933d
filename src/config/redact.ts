/**
 * Blackens secrets in dumped messages: the fields that Envoy's API marks as sensitive. Envoy:
 * `MessageUtil::redact` (source/common/protobuf/utility.cc).
 */
import type { JsonObject, JsonValue } from "../proto/plain.ts";

const REDACTED = "[redacted]";
/** The same as proto JSON writes bytes. */
const REDACTED_BYTES = "W3JlZGFjdGVkXQ==";

/** Fields that are secret wherever they stand. */
const SENSITIVE: ReadonlySet<string> = new Set([
  "private_key",
  "password",
  "pkcs12",
  "auth_password",
  "auth_passwords",
]);

/** Fields that are secret inside a field of that name. */
const SENSITIVE_IN: Readonly<Record<string, readonly string[]>> = {
  session_ticket_keys: ["keys"],
  private_key_provider: ["typed_config"],
  generic_secret: ["secret", "secrets"],
  generic_secrets: ["secret", "secrets"],
};

/** A copy where something is secret, else the value itself. */
export function redact(value: JsonValue, within: string = ""): JsonValue {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return mapped(value, within);
  const hidden = SENSITIVE_IN[within];
  let copy: JsonObject | null = null;
  for (const [name, member] of Object.entries(value)) {
    const secret = SENSITIVE.has(name) || hidden?.includes(name) === true;
    const shown = secret ? blacken(member, name) : redact(member, name);
    if (shown === member) continue;
    copy ??= { ...value };
    copy[name] = shown;
  }
  return copy ?? value;
}

function mapped(values: JsonValue[], within: string): JsonValue {
  const shown = values.map((value) => redact(value, within));
  return shown.every((value, index) => value === values[index]) ? values : shown;
}

/** Texts and bytes say so; what is neither disappears into its zero, as in Envoy. */
function blacken(value: JsonValue, name: string): JsonValue {
  if (typeof value === "string") {
    if (name === "@type") return value;
    return name === "inline_bytes" ? REDACTED_BYTES : REDACTED;
  }
  if (Array.isArray(value)) return value.map((item) => blacken(item, name));
  if (value === null || typeof value !== "object") return null;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, blacken(member, key)]),
  );
}
