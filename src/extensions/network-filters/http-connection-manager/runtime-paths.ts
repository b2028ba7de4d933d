/**
 * Path settings that are left to the runtime, decided once when the manager is made. Envoy:
 * `HttpConnectionManagerConfig` (keys `http_connection_manager.normalize_path` and
 * `http_connection_manager.path_with_escaped_slashes_action`).
 */
import type { RuntimeSnapshot } from "../../../config/runtime.ts";
import type { PathSettings } from "../../../http/connection-manager-config.ts";
import type { EscapedSlashesAction } from "../../../http/path-normalization.ts";
import type { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";

/** Which settings the message leaves to the runtime. */
export interface PathsByRuntime {
  readonly normalize: boolean;
  readonly escapedSlashes: boolean;
}

/** By the numbers of `PathWithEscapedSlashesAction`. */
const ACTIONS: readonly EscapedSlashesAction[] = [
  "KEEP_UNCHANGED",
  "KEEP_UNCHANGED",
  "REJECT_REQUEST",
  "UNESCAPE_AND_REDIRECT",
  "UNESCAPE_AND_FORWARD",
];

export function pathsByRuntime(message: HttpConnectionManager): PathsByRuntime {
  return {
    normalize: message.normalizePath === undefined,
    escapedSlashes: message.pathWithEscapedSlashesAction === "IMPLEMENTATION_SPECIFIC_DEFAULT",
  };
}

export function decidePaths(
  paths: PathSettings,
  open: PathsByRuntime,
  runtime: RuntimeSnapshot,
  random: number,
): PathSettings {
  const prefix = "http_connection_manager";
  const action = runtime.getInteger(`${prefix}.path_with_escaped_slashes_action`, 0);
  return {
    ...paths,
    normalizePath: open.normalize
      ? runtime.featureEnabled(`${prefix}.normalize_path`, 0, 100, random)
      : paths.normalizePath,
    escapedSlashes: open.escapedSlashes
      ? (ACTIONS[action] ?? "KEEP_UNCHANGED")
      : paths.escapedSlashes,
  };
}
