/** Chooses the parser of a configuration text. */
import { parseJson } from "./json-source.ts";
import type { ParsedSource, SourceText } from "./source-node.ts";
import { parseYaml } from "./yaml-source.ts";

/** A `.json` file is JSON; other texts are YAML, of which strict JSON takes the faster parser. */
export function parseSource(source: SourceText): ParsedSource {
  if (source.file.endsWith(".json")) return parseJson(source, "json");
  if (/^\ufeff?\s*\{\s*["}]/.test(source.text)) {
    const parsed = parseJson(source, "yaml");
    if (parsed.root !== null) return parsed;
  }
  return parseYaml(source);
}
