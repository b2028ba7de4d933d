/**
 * Compiles the `http_filters` list: finds each filter, compiles its message, checks that exactly
 * the last one is terminal.
 */
import { nearestName } from "../../../base/nearest-name.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type { HttpFilterCatalogue } from "../../../http/http-filter-catalogue.ts";
import type { HttpFilterContext, HttpFilterType } from "../../../http/http-filter-factory.ts";
import type { HttpFilterEntry } from "../../../http/stream-filters.ts";
import type { HttpFilter as HttpFilterMessage } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";

export interface HttpFilterConfig {
  readonly name: string;
  readonly type: HttpFilterType;
  readonly config: object;
  readonly disabled: boolean;
}

/** Problems are in the context. */
export function compileHttpFilters(
  messages: readonly HttpFilterMessage[],
  catalogue: HttpFilterCatalogue,
  context: CompileContext,
): HttpFilterConfig[] {
  const filters: HttpFilterConfig[] = [];
  let inOrder = true;
  for (const [index, message] of messages.entries()) {
    const at = context.at("http_filters", index);
    const filter = compileHttpFilter(message, catalogue, at);
    if (filter === null) continue;
    // A router in the wrong place is one mistake, not two.
    if (inOrder) inOrder = checkTerminal(filter, index === messages.length - 1, at);
    filters.push(filter);
  }
  if (messages.length === 0) {
    context
      .at("http_filters")
      .error("The list of HTTP filters is empty", "end it with envoy.filters.http.router");
  }
  return filters;
}

/** Once per filter chain and data plane. */
export function createHttpFilters(
  configs: readonly HttpFilterConfig[],
  context: HttpFilterContext,
): HttpFilterEntry[] {
  return configs.map(({ name, type, config, disabled }) => ({
    name,
    disabled,
    factory: type.createFactory(config, context),
  }));
}

function compileHttpFilter(
  message: HttpFilterMessage,
  catalogue: HttpFilterCatalogue,
  context: CompileContext,
): HttpFilterConfig | null {
  if (message.configDiscovery !== undefined) {
    return context
      .at("config_discovery")
      .error("Filter discovery (ECDS) is not supported yet", "write typed_config");
  }
  const any = message.typedConfig;
  if (any === undefined)
    return context.error("The filter has no typed_config", "add typed_config with an @type");
  const messageName = messageNameOf(any.typeUrl);
  const type = catalogue.forMessage(messageName);
  if (type === undefined) return reportUnknown(message, messageName, catalogue, context);
  const config = type.compile((any.value ?? {}) as object, context.at("typed_config"));
  if (config === null) return null;
  return { name: message.name || type.name, type, config, disabled: message.disabled === true };
}

function reportUnknown(
  message: HttpFilterMessage,
  messageName: string,
  catalogue: HttpFilterCatalogue,
  context: CompileContext,
): null {
  const problem = `HTTP filter ${message.name ?? ""} of type ${messageName} is not supported`;
  if (message.isOptional === true) {
    context.warn(`${problem}: left out, since it is optional`);
    return null;
  }
  const nearest = nearestName(messageName, catalogue.messages);
  const remedy =
    nearest === null
      ? "remove the filter"
      : `remove the filter; the nearest known type is ${nearest}`;
  return context.at("typed_config").error(problem, remedy);
}

function checkTerminal(filter: HttpFilterConfig, last: boolean, context: CompileContext): boolean {
  if (filter.type.terminal && !last) {
    context.error(
      `Terminal filter ${filter.name} must be the last one`,
      "move it to the end of http_filters",
    );
  } else if (last && (!filter.type.terminal || filter.disabled)) {
    context.error(
      `The last filter ${filter.name} is not terminal`,
      "end http_filters with envoy.filters.http.router",
    );
  } else return true;
  return false;
}
