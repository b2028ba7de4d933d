/**
 * A problem found in configuration: where it is, what is wrong, what to do about it.
 * Emitted by `proto` (decoding), by every compile function, and turned into NACKs, log lines and
 * `validate` output.
 */

/** `error` refuses the resource; `warning` is reported and the resource is used. */
export type Severity = "error" | "warning";

/** A position in a configuration file. Lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic {
  readonly severity: Severity;
  /**
   * Proto field path in snake_case, e.g. `static_resources.clusters[0].lb_policy`; "" is the whole
   * document.
   */
  readonly path: string;
  /** Sentence case, no full stop: what is wrong. */
  readonly message: string;
  /** What to write instead, or where to look; "" when there is nothing useful to add. */
  readonly remedy: string;
  /** Known once the path has been located in its file. */
  readonly source?: SourcePosition;
}

/**
 * `file:line:column: error: path: message (remedy)`, the one text form used in logs and on the
 * terminal.
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { source, severity, path, message, remedy } = diagnostic;
  const place = source === undefined ? "" : `${source.file}:${source.line}:${source.column}: `;
  const subject = path === "" ? "" : `${path}: `;
  const advice = remedy === "" ? "" : ` (${remedy})`;
  return `${place}${severity}: ${subject}${message}${advice}`;
}
