/** A switch with a default that the runtime may override. Envoy: `Runtime::FeatureFlag`. */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { RuntimeFeatureFlag } from "../../proto/generated/envoy/config/core/v3.ts";

export interface RuntimeFlag {
  /** "" when only the default counts. */
  readonly key: string;
  readonly defaultValue: boolean;
}

/** Without a message the switch is on. */
export function compileRuntimeFlag(message: RuntimeFeatureFlag | undefined): RuntimeFlag {
  return {
    key: message?.runtimeKey ?? "",
    defaultValue: message?.defaultValue ?? message === undefined,
  };
}

export function isEnabled(flag: RuntimeFlag, runtime: RuntimeSnapshot): boolean {
  return flag.key === "" ? flag.defaultValue : runtime.getBoolean(flag.key, flag.defaultValue);
}
