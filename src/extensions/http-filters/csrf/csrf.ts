// hot: per request
/**
 * Refuses requests that change something and come from another site. Envoy:
 * `envoy.filters.http.csrf` (source/extensions/filters/http/csrf/csrf_filter.cc).
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import {
  compileStringMatcher,
  type StringMatcher,
} from "../../../config/matcher/string-matcher.ts";
import type { RuntimeFraction } from "../../../config/runtime.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { CsrfPolicy } from "../../../proto/generated/envoy/extensions/filters/http/csrf/v3.ts";
import { type CsrfStats, createCsrfStats } from "../../../stats/groups/csrf-stats.ts";
import { compileRuntimePercent, draws, type RuntimeDraw } from "../../common/runtime-percent.ts";

const POLICY = "envoy.extensions.filters.http.csrf.v3.CsrfPolicy";

interface Policy {
  readonly enabled: RuntimeFraction;
  readonly shadow: RuntimeFraction;
  readonly additionalOrigins: readonly StringMatcher[];
}

export function csrf(draw: RuntimeDraw): HttpFilterType {
  return defineHttpFilter<CsrfPolicy, Policy, CsrfPolicy, Policy>({
    name: "envoy.filters.http.csrf",
    messages: [POLICY],
    routeMessages: [POLICY],
    compile: compilePolicy,
    compileRoute: compilePolicy,
    createFactory: (policy, context) => {
      const stats = createCsrfStats(context.stats.scope("csrf"));
      return { create: (callbacks): HttpFilter => new CsrfFilter(policy, stats, draw, callbacks) };
    },
  });
}

function compilePolicy(message: CsrfPolicy, context: CompileContext): Policy | null {
  if (message.filterEnabled === undefined) {
    return context
      .at("filter_enabled")
      .error("The share of requests is missing", "set filter_enabled.default_value");
  }
  const additionalOrigins = (message.additionalOrigins ?? []).flatMap((origin, index) => {
    const matcher = compileStringMatcher(origin, context.at("additional_origins", index));
    return matcher === null ? [] : [matcher];
  });
  return {
    enabled: compileRuntimePercent(message.filterEnabled, true),
    shadow: compileRuntimePercent(message.shadowEnabled, false),
    additionalOrigins,
  };
}

const MODIFYING: ReadonlySet<string> = new Set(["POST", "PUT", "DELETE", "PATCH"]);

class CsrfFilter implements HttpFilter {
  private readonly policy: Policy;
  private readonly stats: CsrfStats;
  private readonly draw: RuntimeDraw;
  private readonly callbacks: HttpFilterCallbacks;

  constructor(policy: Policy, stats: CsrfStats, draw: RuntimeDraw, callbacks: HttpFilterCallbacks) {
    this.policy = policy;
    this.stats = stats;
    this.draw = draw;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const policy = (this.callbacks.routeConfig() as Policy | null) ?? this.policy;
    const enabled = draws(policy.enabled, this.draw);
    if (!enabled && !draws(policy.shadow, this.draw)) return "continue";
    if (!MODIFYING.has(headers.method) || this.comesFromHere(headers, policy) || !enabled)
      return "continue";
    this.callbacks.sendLocalReply({
      status: 403,
      body: "Invalid origin",
      details: "csrf_origin_mismatch",
    });
    return "stop";
  }

  private comesFromHere(headers: RequestHeaderMap, policy: Policy): boolean {
    const { stats } = this;
    const source = sourceOrigin(headers);
    if (source === "") {
      stats.missingSourceOrigin.inc();
      return false;
    }
    const target = hostAndPort(headers.authority);
    const valid = source === target || matchesAny(source, policy.additionalOrigins);
    (valid ? stats.requestValid : stats.requestInvalid).inc();
    return valid;
  }
}

function matchesAny(source: string, matchers: readonly StringMatcher[]): boolean {
  for (let index = 0; index < matchers.length; index++) {
    if (matchers[index]!.matches(source)) return true;
  }
  return false;
}

/** "null" (RFC 6454 §6.1) names no origin, and the referer does not stand in for it. */
function sourceOrigin(headers: RequestHeaderMap): string {
  const origin = headers.getJoined(Headers.Origin) ?? "";
  if (origin === "null") return "";
  return hostAndPort(origin === "" ? (headers.getJoined(Headers.Referer) ?? "") : origin);
}

const ABSOLUTE_URL =
  /^[A-Za-z]+:\/\/(?:[^/?#@]*@)?(\[[^\]/?#]*\](?::[0-9]+)?|[^/?#@:[\]]+(?::[0-9]+)?)(?:[/?#]|$)/;

/** Of a URL; anything else stays as it is. */
function hostAndPort(value: string): string {
  return ABSOLUTE_URL.exec(value)?.[1] ?? value;
}
