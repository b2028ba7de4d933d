/**
 * Compiles a `Listener` message: every field is obeyed, or refused or reported by its name.
 * Envoy: `ListenerImpl` (source/common/listener_manager/listener_impl.cc).
 */
import type { CompileContext } from "../config/compile-context.ts";
import { durationMs } from "../config/duration.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { FilterChain, Listener } from "../proto/generated/envoy/config/listener/v3.ts";
import { compileFilterChainMatches } from "./compile-filter-chain-match.ts";
import type { ConnectionLogCompiler } from "./connection-log.ts";
import {
  type ByMessage,
  compileFilterChain,
  type FilterChainConfig,
} from "./filter-chain-config.ts";
import { compileFilterChainMatcher } from "./filter-chain-matcher.ts";
import type { FilterChainSelector } from "./filter-chain-selector.ts";
import { compileListenAddress, type ListenAddress } from "./listener-address.ts";
import type { ListenerFilterType } from "./listener-filter.ts";
import { compileListenerFilter, type ListenerFilterConfig } from "./listener-filter-config.ts";
import type { ListenerFacts, NetworkFilterType, TrafficDirection } from "./network-filter.ts";
import type { Metadata } from "./stream-info.ts";
import { reportUnsupportedListenerFields } from "./unsupported-listener-fields.ts";

/** What a listener's configuration may name. */
export interface ListenerCatalogue {
  readonly networkFilters: ByMessage<NetworkFilterType>;
  readonly listenerFilters: ByMessage<ListenerFilterType>;
  /** Null where listeners cannot have access logs (tests). */
  readonly logs: ConnectionLogCompiler | null;
}

export interface ListenerConfig extends ListenerFacts {
  /** The first is the main one: it names the stats. Empty only for a listener without a socket. */
  readonly addresses: readonly ListenAddress[];
  /** `listener.<this>.` */
  readonly statPrefix: string;
  readonly bindToPort: boolean;
  readonly reusePort: boolean;
  /** Undefined = the system's maximum. */
  readonly backlog: number | undefined;
  /** Seconds of silence before the first keep-alive probe, in ms; 0 = keep-alive stays off. */
  readonly keepAliveMs: number;
  readonly useOriginalDst: boolean;
  readonly listenerFilters: readonly ListenerFilterConfig[];
  /** 0 = no limit. */
  readonly listenerFiltersTimeoutMs: number;
  readonly continueOnListenerFiltersTimeout: boolean;
  readonly filterChains: readonly FilterChainConfig[];
  readonly defaultFilterChain: FilterChainConfig | null;
  readonly selector: FilterChainSelector;
  readonly drainType: "DEFAULT" | "MODIFY_ONLY";
  readonly ignoreGlobalConnectionLimit: boolean;
  readonly bypassOverloadManager: boolean;
  /** Compiled access logs, for `ListenerCatalogue.logs.create`. */
  readonly logs: readonly object[];
  /** Equal for equal messages. */
  readonly identity: string;
  /** Equal for messages that differ in their filter chains only. */
  readonly identityWithoutChains: string;
}

const DEFAULT_FILTERS_TIMEOUT_MS = 15_000;
const DEFAULT_BUFFER_LIMIT_BYTES = 1_048_576;
const ORIGINAL_DST = "envoy.extensions.filters.listener.original_dst.v3.OriginalDst";

/** Null after reporting what is wrong. */
export function compileListener(
  message: Listener,
  catalogue: ListenerCatalogue,
  context: CompileContext,
): ListenerConfig | null {
  const supported = reportUnsupportedListenerFields(message, context);
  const addresses = compileAddresses(message, context);
  const listenerFilters = compileListenerFilters(message, catalogue, context);
  const chains = compileChains(message, catalogue, context);
  const logs = compileLogs(message, catalogue, context);
  if (!supported || !addresses || !listenerFilters || !chains || !logs) return null;
  return {
    name: message.name ?? "",
    ...listenerFacts(message),
    ...socketSettings(message),
    addresses,
    statPrefix:
      (message.statPrefix ?? "") === "" ? (addresses[0]?.text ?? "") : message.statPrefix!,
    useOriginalDst: message.useOriginalDst === true,
    listenerFilters,
    listenerFiltersTimeoutMs: durationMs(
      message.listenerFiltersTimeout,
      DEFAULT_FILTERS_TIMEOUT_MS,
    ),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout === true,
    ...chains,
    drainType: message.drainType === "MODIFY_ONLY" ? "MODIFY_ONLY" : "DEFAULT",
    ignoreGlobalConnectionLimit: message.ignoreGlobalConnLimit === true,
    bypassOverloadManager: message.bypassOverloadManager === true,
    logs,
    identity: messageIdentity(message),
    identityWithoutChains: messageIdentity(withoutChains(message)),
  };
}

function listenerFacts(message: Listener): Omit<ListenerFacts, "name"> {
  return {
    trafficDirection: (message.trafficDirection ?? "UNSPECIFIED") as TrafficDirection,
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    metadata: (message.metadata?.filterMetadata ?? null) as Metadata | null,
  };
}

function socketSettings(
  message: Listener,
): Pick<ListenerConfig, "bindToPort" | "reusePort" | "backlog" | "keepAliveMs"> {
  const keepAlive = message.tcpKeepalive;
  return {
    bindToPort: message.bindToPort !== false && message.deprecatedV1?.bindToPort !== false,
    reusePort: message.enableReusePort !== false,
    backlog: message.tcpBacklogSize,
    // Unset time: the system's two hours.
    keepAliveMs: keepAlive === undefined ? 0 : (keepAlive.keepaliveTime ?? 7200) * 1000,
  };
}

function withoutChains(message: Listener): Listener {
  const { filterChains, defaultFilterChain, filterChainMatcher, ...rest } = message;
  return rest;
}

function compileAddresses(message: Listener, context: CompileContext): ListenAddress[] | null {
  const first = compileListenAddress(message.address, context.at("address"));
  let ok = first !== null;
  const addresses = first === null ? [] : [first];
  for (const [index, additional] of (message.additionalAddresses ?? []).entries()) {
    const at = context.at("additional_addresses", index);
    const address = compileListenAddress(additional.address, at.at("address"));
    if ((additional.socketOptions?.socketOptions ?? []).length > 0) {
      at.at("socket_options").warn("socket_options are not applied");
    }
    if (address === null) ok = false;
    else addresses.push(address);
  }
  return ok ? addresses : null;
}

function compileListenerFilters(
  message: Listener,
  catalogue: ListenerCatalogue,
  context: CompileContext,
): ListenerFilterConfig[] | null {
  const filters: ListenerFilterConfig[] = [];
  let ok = true;
  for (const [index, filter] of (message.listenerFilters ?? []).entries()) {
    const at = context.at("listener_filters", index);
    const compiled = compileListenerFilter(filter, catalogue.listenerFilters, at);
    if (compiled === null) ok = false;
    else filters.push(compiled);
  }
  if (!ok) return null;
  if (message.useOriginalDst !== true) return filters;
  const type = catalogue.listenerFilters.get(ORIGINAL_DST);
  if (type === undefined || filters.some((filter) => filter.type === type)) return filters;
  filters.push({ name: type.name, type, config: {}, disabled: null });
  return filters;
}

interface CompiledChains {
  readonly filterChains: readonly FilterChainConfig[];
  readonly defaultFilterChain: FilterChainConfig | null;
  readonly selector: FilterChainSelector;
}

function compileChains(
  message: Listener,
  catalogue: ListenerCatalogue,
  context: CompileContext,
): CompiledChains | null {
  const messages = message.filterChains ?? [];
  const fallback = message.defaultFilterChain;
  if (messages.length === 0 && fallback === undefined) {
    return context
      .at("filter_chains")
      .error("The listener has no filter chains", "add filter_chains or default_filter_chain");
  }
  const chain = (chainMessage: FilterChain, at: CompileContext) =>
    compileFilterChain(chainMessage, catalogue.networkFilters, at);
  const filterChains = messages.map((one, index) => chain(one, context.at("filter_chains", index)));
  const defaultFilterChain =
    fallback === undefined ? null : chain(fallback, context.at("default_filter_chain"));
  const selector = compileSelector(message, context);
  const failed = filterChains.includes(null) || (fallback !== undefined && !defaultFilterChain);
  if (failed || selector === null) return null;
  return { filterChains: filterChains as FilterChainConfig[], defaultFilterChain, selector };
}

function compileSelector(message: Listener, context: CompileContext): FilterChainSelector | null {
  const messages = message.filterChains ?? [];
  const hasDefault = message.defaultFilterChain !== undefined;
  if (message.filterChainMatcher !== undefined) {
    const names = messages.map(({ name }) => name ?? "");
    return compileFilterChainMatcher(message.filterChainMatcher, names, hasDefault, context);
  }
  const matches = messages.map((one) => one.filterChainMatch ?? {});
  return compileFilterChainMatches(matches, hasDefault, context);
}

function compileLogs(
  message: Listener,
  catalogue: ListenerCatalogue,
  context: CompileContext,
): object[] | null {
  const compiled: (object | null)[] = [];
  for (const [index, log] of (message.accessLog ?? []).entries()) {
    const at = context.at("access_log", index);
    compiled.push(catalogue.logs?.compile(log, at) ?? null);
  }
  return compiled.includes(null) ? null : (compiled as object[]);
}
