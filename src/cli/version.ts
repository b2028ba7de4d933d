/** `outrigger version`. */
import type { CommandContext } from "./command-context.ts";

/** Version of this package; a test compares it with package.json. */
export const VERSION = "0.1.0";

/** The Envoy API level whose behaviour is followed. */
export const ENVOY_API = "1.37.0";

export function versionText(context: Pick<CommandContext, "runtimeVersion">): string {
  return `outrigger ${VERSION} (Envoy API ${ENVOY_API}, Node ${context.runtimeVersion})\n`;
}
