/** Metadata values as keys of maps. Envoy: `HashedValue`, `ValueUtil::equal`. */

/** Equal for values that are equal as google.protobuf.Value: "1" is not 1, keys have no order. */
export function valueKey(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueKey).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${valueKey(item)}`).join()}}`;
}

export function sortedKeys(criteria: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(criteria).sort();
}

/** A key of a subset: keys in order, each with its value. */
export function subsetKey(keys: readonly string[], values: readonly unknown[]): string {
  return keys.map((key, index) => `${JSON.stringify(key)}=${valueKey(values[index])}`).join(";");
}

/**
 * The values of the keys, one list per subset that the metadata belongs to: a list stands for each
 * of its values when `listAsAny`. Empty when a key is missing.
 */
export function subsetValues(
  metadata: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  listAsAny: boolean,
): readonly (readonly unknown[])[] {
  let lists: readonly (readonly unknown[])[] = [[]];
  for (const key of keys) {
    if (!Object.hasOwn(metadata, key)) return [];
    const value = metadata[key];
    const choices: readonly unknown[] = listAsAny && Array.isArray(value) ? value : [value];
    lists = lists.flatMap((list) => choices.map((choice) => [...list, choice]));
  }
  return lists;
}

/** All of `wanted` is in the metadata. */
export function matchesMetadata(
  metadata: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  listAsAny: boolean,
): boolean {
  return Object.entries(wanted).every(([key, value]) => {
    if (!Object.hasOwn(metadata, key)) return false;
    const own = metadata[key];
    const expected = valueKey(value);
    if (listAsAny && Array.isArray(own)) return own.some((item) => valueKey(item) === expected);
    return valueKey(own) === expected;
  });
}
