/**
 * Carries the path and the list of diagnostics through compile functions.
 * Compiling is pure: a context opens nothing, so `validate` is "compile everything and print".
 */
import type { Diagnostic } from "../base/diagnostic.ts";

/** Where a compile function stands in the message tree, and where it reports problems. */
export class CompileContext {
  readonly path: string;
  readonly diagnostics: Diagnostic[];

  constructor(path: string = "", diagnostics: Diagnostic[] = []) {
    this.path = path;
    this.diagnostics = diagnostics;
  }

  /**
   * The context of a field (`lb_policy`) or of an element (`routes`, 3). Reports into the same
   * list.
   */
  at(field: string, index?: number | string): CompileContext {
    const step = index === undefined ? field : `${field}[${index}]`;
    const path = this.path === "" ? step : `${this.path}.${step}`;
    return new CompileContext(path, this.diagnostics);
  }

  /**
   * Reports an error at this place. Returns null so that a compile function may `return
   * context.error(…)`.
   */
  error(message: string, remedy: string): null {
    this.diagnostics.push({ severity: "error", path: this.path, message, remedy });
    return null;
  }

  /** Reports something that is accepted but that the author should know. */
  warn(message: string, remedy: string = ""): void {
    this.diagnostics.push({ severity: "warning", path: this.path, message, remedy });
  }

  /** True when nothing reported so far refuses the resource. */
  ok(): boolean {
    return this.diagnostics.every((diagnostic) => diagnostic.severity !== "error");
  }
}
