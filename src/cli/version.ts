/** `outrigger version`. */
import { ENVOY_API, VERSION } from "../server/version.ts";
import type { CommandContext } from "./command-context.ts";

export function versionText(context: Pick<CommandContext, "runtimeVersion">): string {
  return `outrigger ${VERSION} (Envoy API ${ENVOY_API}, Node ${context.runtimeVersion})\n`;
}
