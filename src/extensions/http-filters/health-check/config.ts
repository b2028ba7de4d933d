/** `HealthCheck` of the health_check filter, compiled. */
import type { CompileContext } from "../../../config/compile-context.ts";
import { durationMs } from "../../../config/duration.ts";
import type { HealthCheck as Message } from "../../../proto/generated/envoy/extensions/filters/http/health_check/v3.ts";
import { compileHeaderMatchers, type HeaderMatcher } from "../../../route/header-matcher.ts";
import type { ClusterRequirement } from "./cluster-health.ts";

export interface HealthCheckConfig {
  readonly passThrough: boolean;
  readonly headers: readonly HeaderMatcher[];
  /** 0: answers are not remembered. */
  readonly cacheMs: number;
  /** In order of names, as Envoy asks. */
  readonly requirements: readonly ClusterRequirement[];
}

/** Null after reporting what is wrong. */
export function compileHealthCheck(
  message: Message,
  context: CompileContext,
): HealthCheckConfig | null {
  const passThrough = message.passThroughMode;
  if (passThrough === undefined) {
    return context
      .at("pass_through_mode")
      .error("The mode is missing", "set pass_through_mode to true or false");
  }
  const cacheMs = durationMs(message.cacheTime, 0);
  if (cacheMs > 0 && !passThrough) {
    return context
      .at("cache_time")
      .error(
        "Only answers that pass through are remembered",
        "remove cache_time, or set pass_through_mode to true",
      );
  }
  const requirements = Object.entries(message.clusterMinHealthyPercentages ?? {})
    .map(([name, percent]) => ({ name, percent: Math.floor(percent.value ?? 0) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (requirements.length > 0 && passThrough) {
    context
      .at("cluster_min_healthy_percentages")
      .warn(
        "In pass-through mode the upstream answers: the minimums do nothing",
        "set pass_through_mode to false",
      );
  }
  return {
    passThrough,
    headers: compileHeaderMatchers(message.headers, context),
    cacheMs,
    requirements,
  };
}
