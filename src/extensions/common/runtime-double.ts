/** A number with a default that the runtime may override. Envoy: `Runtime::Double`. */
import type { RuntimeSnapshot } from "../../config/runtime.ts";
import type { RuntimeDouble as RuntimeDoubleMessage } from "../../proto/generated/envoy/config/core/v3.ts";

export interface RuntimeDouble {
  /** "" when only the default counts. */
  readonly key: string;
  readonly defaultValue: number;
}

/** `unset` is the value without a message; a message without value means 0. */
export function compileRuntimeDouble(
  message: RuntimeDoubleMessage | undefined,
  unset: number,
): RuntimeDouble {
  return {
    key: message?.runtimeKey ?? "",
    defaultValue: message === undefined ? unset : (message.defaultValue ?? 0),
  };
}

export function runtimeDouble(value: RuntimeDouble, runtime: RuntimeSnapshot): number {
  return value.key === "" ? value.defaultValue : runtime.getDouble(value.key, value.defaultValue);
}
