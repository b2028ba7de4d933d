/** Collects the diagnostics of one decoding, each with its place in the text it came from. */
import type { Diagnostic, Severity } from "../base/diagnostic.ts";
import type { SourceText } from "./source-node.ts";

/** More than this helps nobody. */
const MAX_DIAGNOSTICS = 200;

export class DiagnosticSink {
  readonly diagnostics: Diagnostic[] = [];
  private readonly source: SourceText | null;
  private errors = 0;

  /** `source` is null for messages that come from no text. */
  constructor(source: SourceText | null) {
    this.source = source;
  }

  get hasErrors(): boolean {
    return this.errors > 0;
  }

  error(path: string, offset: number, message: string, remedy: string = ""): void {
    this.errors++;
    this.add("error", path, offset, { message, remedy });
  }

  warn(path: string, offset: number, message: string, remedy: string = ""): void {
    this.add("warning", path, offset, { message, remedy });
  }

  private add(
    severity: Severity,
    path: string,
    offset: number,
    text: { readonly message: string; readonly remedy: string },
  ): void {
    if (this.diagnostics.length >= MAX_DIAGNOSTICS) return;
    const position = this.source?.positionOf(offset);
    const diagnostic = { severity, path, ...text };
    this.diagnostics.push(
      position === undefined ? diagnostic : { ...diagnostic, source: position },
    );
  }
}
