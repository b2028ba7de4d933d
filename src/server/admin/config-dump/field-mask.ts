/**
 * Field masks over JSON of messages. A mask reaches into the Any of a dumped resource, but not
 * through repeated fields. Envoy: `trimResourceMessage`
 * (source/server/admin/config_dump_handler.cc).
 */
import type { ConfigLoader } from "../../../config/config-loader.ts";
import type { JsonObject, JsonValue } from "../../../proto/plain.ts";

/** A mask over the elements of one list. */
export interface ResourceMask {
  /** As written. */
  readonly paths: readonly string[];
  /** For the element itself. */
  readonly outer: readonly string[];
  /** For the resource in its Any. */
  readonly inner: readonly string[];
  apply(item: JsonObject, anyField: string): JsonObject;
}

export function maskSection(text: string, anyField: string): ResourceMask {
  const paths = text.split(",").filter((path) => path !== "");
  const inside = paths.filter((path) => path.split(".")[0] === anyField && anyField !== "");
  const outer = paths.map((path) => (inside.includes(path) ? anyField : path));
  const inner = inside.map((path) => path.split(".").slice(1).join("."));
  return {
    paths,
    outer,
    inner,
    apply: (item, field) => {
      const shown = trim(item, outer);
      const resource = shown[field];
      if (inner.length === 0 || !isObject(resource)) return shown;
      return { ...shown, [field]: trim(resource, ["@type", ...inner]) };
    },
  };
}

export async function checkResourceMask(
  loader: ConfigLoader,
  types: { readonly elementType: string; readonly resourceType: string },
  { outer, inner }: ResourceMask,
): Promise<boolean> {
  if (!(await loader.checkMask(types.elementType, outer))) return false;
  return inner.length === 0 || loader.checkMask(types.resourceType, inner);
}

/** Keeps what the paths name, in the order of the value. */
export function trim(value: JsonObject, paths: readonly string[]): JsonObject {
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const own = paths.filter((path) => path === name || path.startsWith(`${name}.`));
    if (own.length === 0) continue;
    const deeper = own.filter((path) => path !== name).map((path) => path.slice(name.length + 1));
    const whole = own.includes(name) || !isObject(member);
    setMember(result, name, whole ? member : trim(member, deeper));
  }
  return result;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A map may have a key "__proto__". */
function setMember(object: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true });
}
