/** `CorsPolicy`, compiled. A null or empty field is taken from the next less specific level. */
import { toByteString } from "../../../base/byte-string.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  compileStringMatcher,
  type StringMatcher,
} from "../../../config/matcher/string-matcher.ts";
import type { RuntimeFraction } from "../../../config/runtime.ts";
import type { CorsPolicy as Message } from "../../../proto/generated/envoy/extensions/filters/http/cors/v3.ts";
import { compileRuntimePercent } from "../../common/runtime-percent.ts";

export interface CorsPolicy {
  readonly enabled: RuntimeFraction;
  readonly shadow: RuntimeFraction;
  readonly allowOrigins: readonly StringMatcher[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean | null;
  readonly allowPrivateNetworkAccess: boolean | null;
  readonly forwardNotMatchingPreflights: boolean | null;
}

export function compileCorsPolicy(message: Message, context: CompileContext): CorsPolicy {
  const allowOrigins = (message.allowOriginStringMatch ?? []).flatMap((origin, index) => {
    const matcher = compileStringMatcher(origin, context.at("allow_origin_string_match", index));
    return matcher === null ? [] : [matcher];
  });
  return {
    enabled: compileRuntimePercent(message.filterEnabled, true),
    shadow: compileRuntimePercent(message.shadowEnabled, false),
    allowOrigins,
    allowMethods: toByteString(message.allowMethods ?? ""),
    allowHeaders: toByteString(message.allowHeaders ?? ""),
    exposeHeaders: toByteString(message.exposeHeaders ?? ""),
    maxAge: toByteString(message.maxAge ?? ""),
    allowCredentials: message.allowCredentials ?? null,
    allowPrivateNetworkAccess: message.allowPrivateNetworkAccess ?? null,
    forwardNotMatchingPreflights: message.forwardNotMatchingPreflights ?? null,
  };
}
