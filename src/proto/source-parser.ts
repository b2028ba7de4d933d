/** Chooses the parser of a configuration text. */
import type { SourceText } from "./source-node.ts";
import { type ParsedSource, parseYaml } from "./yaml-source.ts";

/** JSON is read as the YAML that it is. */
export function parseSource(source: SourceText): ParsedSource {
  return parseYaml(source);
}
