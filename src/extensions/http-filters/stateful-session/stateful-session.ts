// hot: per request
/**
 * Sends the requests of a session to the host that answered its first one. Envoy:
 * `envoy.filters.http.stateful_session` (source/extensions/filters/http/stateful_session).
 */
import { nearestName } from "../../../base/nearest-name.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import { ResponseFlag } from "../../../network/stream-info.ts";
import type { TimeSource } from "../../../platform/time.ts";
import type { TypedExtensionConfig } from "../../../proto/generated/envoy/config/core/v3.ts";
import type {
  StatefulSession,
  StatefulSessionPerRoute,
} from "../../../proto/generated/envoy/extensions/filters/http/stateful_session/v3.ts";
import {
  createStatefulSessionStats,
  type StatefulSessionStats,
} from "../../../stats/groups/stateful-session-stats.ts";
import type { SessionState, SessionStateType } from "../../common/session-state.ts";

const PACKAGE = "envoy.extensions.filters.http.stateful_session.v3";

interface Config {
  readonly disabled: boolean;
  /** Null: no request has a session. */
  readonly state: SessionState | null;
  /** A session whose host is gone fails instead of going elsewhere. */
  readonly strict: boolean;
  /** "": nothing is counted. */
  readonly statPrefix: string;
}

export interface StatefulSessionServices {
  readonly states: readonly SessionStateType[];
  readonly time: TimeSource;
}

export function statefulSession(services: StatefulSessionServices): HttpFilterType {
  return defineHttpFilter<StatefulSession, Config, StatefulSessionPerRoute, Config>({
    name: "envoy.filters.http.stateful_session",
    messages: [`${PACKAGE}.StatefulSession`],
    routeMessages: [`${PACKAGE}.StatefulSessionPerRoute`],
    compile: (message, context) => compile(message, services, context),
    compileRoute: ({ disabled, statefulSession: own }, context) => {
      if (disabled === true) return DISABLED;
      return compile(own ?? {}, services, context.at("stateful_session"));
    },
    createFactory: (config, context) => {
      const { statPrefix } = config;
      const stats =
        statPrefix === ""
          ? null
          : createStatefulSessionStats(context.stats.scope("stateful_session").scope(statPrefix));
      return {
        create: (callbacks): HttpFilter => new StatefulSessionFilter(config, stats, callbacks),
      };
    },
  });
}

const DISABLED: Config = { disabled: true, state: null, strict: false, statPrefix: "" };

function compile(
  { sessionState, strict = false, statPrefix = "" }: StatefulSession,
  services: StatefulSessionServices,
  context: CompileContext,
): Config | null {
  const config = { disabled: false, state: null, strict, statPrefix };
  if (sessionState === undefined) return config;
  const state = compileState(sessionState, services, context.at("session_state"));
  return state === null ? null : { ...config, state };
}

function compileState(
  { typedConfig }: TypedExtensionConfig,
  { states, time }: StatefulSessionServices,
  context: CompileContext,
): SessionState | null {
  const at = context.at("typed_config");
  const name = messageNameOf(typedConfig?.typeUrl ?? "");
  const type = states.find(({ messages }) => messages.includes(name));
  if (type !== undefined) return type.compile((typedConfig?.value ?? {}) as object, time, at);
  const known = states.flatMap(({ messages }) => messages);
  const nearest = nearestName(name, known) ?? known[0]!;
  return at.error(`Session state ${name} is not supported`, `use ${nearest}`);
}

class StatefulSessionFilter implements HttpFilter {
  private config: Config;
  /** Null when nothing is counted: without a prefix, and for what a route says. */
  private stats: StatefulSessionStats | null;
  private readonly callbacks: HttpFilterCallbacks;
  /** Null when this request has no session. */
  private state: SessionState | null = null;
  private active = false;
  /** The host that the request asks for, or "". */
  private asked = "";

  constructor(config: Config, stats: StatefulSessionStats | null, callbacks: HttpFilterCallbacks) {
    this.config = config;
    this.stats = stats;
    this.callbacks = callbacks;
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const own = this.callbacks.routeConfig() as Config | null;
    if (own !== null) {
      this.config = own;
      this.stats = null;
    }
    const { state, strict, disabled } = this.config;
    if (disabled) return "continue";
    this.active = true;
    if (state === null || !state.applies(headers)) return "continue";
    this.state = state;
    this.asked = state.takeAddress(headers);
    if (this.asked !== "") this.callbacks.overrideHost = { addressText: this.asked, strict };
    return "continue";
  }

  encodeHeaders(headers: ResponseHeaderMap, _endStream: boolean): FilterStatus {
    const { upstream } = this.callbacks.streamInfo;
    if (this.state === null) {
      if (this.active && upstream !== null) this.stats?.noSession.inc();
      return "continue";
    }
    if (upstream === null) {
      const none = this.callbacks.streamInfo.hasFlag(ResponseFlag.NoHealthyUpstream);
      if (none && this.config.strict) this.stats?.failedClosed.inc();
      return "continue";
    }
    const moved = this.state.onResponse(upstream.hostAddress, this.asked, headers);
    if (!moved) this.stats?.routed.inc();
    else if (!this.config.strict) this.stats?.failedOpen.inc();
    return "continue";
  }
}
