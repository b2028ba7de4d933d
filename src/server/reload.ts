/**
 * Reading the start files again: what came of it, and which sections are read only at the start:
 * when one of them changed, a reload says so by name.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { Bootstrap } from "../proto/generated/envoy/config/bootstrap/v3.ts";

export type ReloadOutcome =
  /** All of it is in force. */
  | "applied"
  /** A listener could not bind: its old version stays, nothing is removed, the rest is in force. */
  | "partly applied"
  /** Nothing changed. */
  | "refused";

export interface ReloadResult {
  readonly outcome: ReloadOutcome;
  readonly diagnostics: readonly Diagnostic[];
}

export function refusedReload(diagnostics: readonly Diagnostic[]): ReloadResult {
  return { outcome: "refused", diagnostics };
}

/** Identity of every section that is present, by field name. */
export type BootstrapSections = ReadonlyMap<string, string>;

export function bootstrapSections(bootstrap: Bootstrap): BootstrapSections {
  const sections = new Map<string, string>();
  for (const [field, value] of Object.entries(bootstrap)) {
    if (field !== "staticResources") sections.set(snakeCase(field), messageIdentity(value));
  }
  return sections;
}

export function restartNeeded(running: BootstrapSections, read: BootstrapSections): Diagnostic[] {
  const changed = [...new Set([...running.keys(), ...read.keys()])].filter(
    (field) => running.get(field) !== read.get(field),
  );
  return changed.map((path) => ({
    severity: "warning",
    path,
    message: `The change of ${path} needs a restart`,
    remedy: "restart the proxy to apply it",
  }));
}

function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
