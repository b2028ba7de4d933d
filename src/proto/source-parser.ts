/**
 * Chooses the parser of a configuration text: JSON, simple YAML, or the complete YAML parser, which
 * is loaded when the first text asks for it.
 */
import { parseJson } from "./json-source.ts";
import { parseSimpleYaml } from "./simple-yaml.ts";
import type { ParsedSource, SourceText } from "./source-node.ts";

type Parser = (source: SourceText) => ParsedSource;

export class SourceParser {
  private completeYaml: Parser | null = null;

  /** Must have been called before `parse` is given a text that `parseQuickly` declines. */
  async loadCompleteYaml(): Promise<void> {
    this.completeYaml ??= (await import("./yaml-source.ts")).parseYaml;
  }

  get hasCompleteYaml(): boolean {
    return this.completeYaml !== null;
  }

  parse(source: SourceText): ParsedSource {
    const parsed = parseQuickly(source);
    if (parsed !== null) return parsed;
    if (this.completeYaml === null) throw new Error("The complete YAML parser is not loaded");
    return this.completeYaml(source);
  }
}

/** null when only the complete YAML parser can read it, or can say what is wrong. */
export function parseQuickly(source: SourceText): ParsedSource | null {
  if (source.file.endsWith(".json")) return parseJson(source, "json");
  if (/^\ufeff?\s*\{\s*["}]/.test(source.text)) {
    const parsed = parseJson(source, "yaml");
    if (parsed.root !== null) return parsed;
  }
  const root = parseSimpleYaml(source.text);
  return root === null ? null : { root, diagnostics: [] };
}
