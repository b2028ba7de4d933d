/**
 * A runtime layer read from a folder: one file per key, folders become dots. Envoy: `DiskLayer`.
 */
import type { Files } from "../../platform/files.ts";
import { fromText, type RuntimeValue } from "./runtime-value.ts";

/** Deeper folders are not walked. */
const DEPTH_MAX = 16;

export async function readDiskLayer(
  files: Files,
  root: string,
): Promise<Map<string, RuntimeValue>> {
  const entries = new Map<string, RuntimeValue>();
  await readFolder(files, root, "", entries, 0);
  return entries;
}

async function readFolder(
  files: Files,
  folder: string,
  prefix: string,
  entries: Map<string, RuntimeValue>,
  depth: number,
): Promise<void> {
  if (depth > DEPTH_MAX) return;
  for (const entry of await files.list(folder)) {
    const key = prefix === "" ? entry.name : `${prefix}.${entry.name}`;
    const path = `${folder}/${entry.name}`;
    if (entry.folder) await readFolder(files, path, key, entries, depth + 1);
    else entries.set(key, await readValue(files, path));
  }
}

/** Lines that begin with "#" are comments. */
async function readValue(files: Files, path: string): Promise<RuntimeValue> {
  const text = Buffer.from(await files.read(path)).toString("utf8");
  return fromText(
    text
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .join("\n"),
  );
}
