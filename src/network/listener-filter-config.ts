/**
 * Compiles `ListenerFilter` messages and their `filter_disabled` predicates. Envoy:
 * `ListenerFilterMatcherBuilder`.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type {
  ListenerFilterChainMatchPredicate,
  ListenerFilter as ListenerFilterMessage,
} from "../proto/generated/envoy/config/listener/v3.ts";
import { type ByMessage, findByMessage } from "./filter-chain-config.ts";
import type { ListenerFilterType } from "./listener-filter.ts";

/** True for sockets (by their local address at accept) that skip the filter. */
export type FilterDisabled = (local: SocketAddress) => boolean;

export interface ListenerFilterConfig {
  readonly name: string;
  readonly type: ListenerFilterType;
  readonly config: object;
  /** Null when the filter is always on. */
  readonly disabled: FilterDisabled | null;
}

/** Null after reporting what is wrong. */
export function compileListenerFilter(
  message: ListenerFilterMessage,
  types: ByMessage<ListenerFilterType>,
  context: CompileContext,
): ListenerFilterConfig | null {
  if (message.configDiscovery !== undefined) {
    return context
      .at("config_discovery")
      .error("Filter configuration by discovery is not supported", "write it as typed_config");
  }
  const any = message.typedConfig;
  const type = findByMessage(any, message.name ?? "", "Listener filter", types, context);
  if (type === null || any === undefined) return null;
  const config = type.compile(any.value as object, context.at("typed_config"));
  const at = context.at("filter_disabled");
  const predicate = message.filterDisabled;
  const disabled = predicate === undefined ? null : compileDisabled(predicate, at);
  if (config === null || (predicate !== undefined && disabled === null)) return null;
  return { name: message.name || type.name, type, config, disabled };
}

function compileDisabled(
  message: ListenerFilterChainMatchPredicate,
  context: CompileContext,
): FilterDisabled | null {
  if (message.anyMatch !== undefined) return () => true;
  if (message.notMatch !== undefined) {
    const inner = compileDisabled(message.notMatch, context.at("not_match"));
    return inner === null ? null : (local) => !inner(local);
  }
  if (message.destinationPortRange !== undefined) {
    const { start = 0, end = 0 } = message.destinationPortRange;
    return ({ path, port }) => path === undefined && port >= start && port < end;
  }
  if (message.orMatch !== undefined) {
    const rules = compileRules(message.orMatch.rules ?? [], context.at("or_match"));
    return rules === null ? null : (local) => rules.some((rule) => rule(local));
  }
  if (message.andMatch !== undefined) {
    const rules = compileRules(message.andMatch.rules ?? [], context.at("and_match"));
    return rules === null ? null : (local) => rules.every((rule) => rule(local));
  }
  return context.error(
    "The predicate is empty",
    "set any_match, not_match, or_match, and_match or destination_port_range",
  );
}

function compileRules(
  messages: readonly ListenerFilterChainMatchPredicate[],
  context: CompileContext,
): FilterDisabled[] | null {
  const rules = messages.map((message, index) =>
    compileDisabled(message, context.at("rules", index)),
  );
  return rules.includes(null) ? null : (rules as FilterDisabled[]);
}
