/**
 * `outrigger validate`: compiles a configuration as `run` would, opens nothing, prints what it
 * found.
 */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import type { BootstrapSource } from "../config/config-loader.ts";
import { validateBootstrap } from "../server/validate-bootstrap.ts";
import type { CommandContext } from "./command-context.ts";
import type { ParsedOptions } from "./options.ts";
import { bootstrapSource, overridesOf } from "./server-options.ts";

/** 0 when nothing refuses the configuration, 1 otherwise. */
export async function validateCommand(
  options: ParsedOptions,
  context: CommandContext,
): Promise<number> {
  const source = bootstrapSource(options);
  const loader = await context.createLoader("local");
  const diagnostics = await validateBootstrap(
    source,
    loader,
    context.platform,
    overridesOf(options),
  );
  loader.close();
  const failed = diagnostics.some(({ severity }) => severity === "error");
  if (options.get("--format") === "json") printJson(diagnostics, !failed, context);
  else printText(diagnostics, inputsOf(source), failed, context);
  return failed ? 1 : 0;
}

function inputsOf({ files, yaml }: BootstrapSource): readonly string[] {
  return yaml === undefined ? files : [...files, "--config-yaml"];
}

function printText(
  diagnostics: readonly Diagnostic[],
  inputs: readonly string[],
  failed: boolean,
  context: CommandContext,
): void {
  for (const diagnostic of diagnostics) context.stderr(`${formatDiagnostic(diagnostic)}\n`);
  if (!failed) context.stdout(`configuration '${inputs.join(", ")}' OK\n`);
}

function printJson(
  diagnostics: readonly Diagnostic[],
  valid: boolean,
  context: CommandContext,
): void {
  context.stdout(`${JSON.stringify({ valid, diagnostics }, null, 2)}\n`);
}
