// hot: per request
/**
 * Changes headers, trailers and query parameters in the order written: the filter's own changes,
 * then those of the route levels. Envoy: `envoy.filters.http.header_mutation`
 * (source/extensions/filters/http/header_mutation).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { FilterStatus, HttpFilter, HttpFilterCallbacks } from "../../../http/http-filter.ts";
import { defineHttpFilter, type HttpFilterType } from "../../../http/http-filter-factory.ts";
import type {
  HeaderMutationPerRoute,
  HeaderMutation as Message,
} from "../../../proto/generated/envoy/extensions/filters/http/header_mutation/v3.ts";
import type { FormatParser, FormatterContext } from "../../../route/formatter.ts";
import type { Mutation } from "../../../route/header-changes.ts";
import { FilterFormatterContext } from "../../common/filter-formatter-context.ts";
import { compileMutations, type Mutations } from "./config.ts";
import { mutateQuery } from "./query-mutation.ts";

interface Config {
  readonly mutations: Mutations;
  readonly mostSpecificWins: boolean;
}

export function headerMutation(formats: FormatParser): HttpFilterType {
  return defineHttpFilter<Message, Config, HeaderMutationPerRoute, Mutations>({
    name: "envoy.filters.http.header_mutation",
    messages: ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"],
    routeMessages: ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"],
    compile: (message, context) => ({
      mutations: compileMutations(message.mutations ?? {}, formats, context.at("mutations")),
      mostSpecificWins: message.mostSpecificHeaderMutationsWins ?? false,
    }),
    compileRoute: (message, context) =>
      compileMutations(message.mutations ?? {}, formats, context.at("mutations")),
    createFactory: (config) => ({
      create: (callbacks): HttpFilter => new HeaderMutationFilter(config, callbacks),
    }),
  });
}

class HeaderMutationFilter implements HttpFilter {
  private readonly config: Config;
  private readonly callbacks: HttpFilterCallbacks;
  private readonly context: FilterFormatterContext;
  /** Of the route levels, least specific first; null until asked for. */
  private levels: readonly Mutations[] | null = null;

  constructor(config: Config, callbacks: HttpFilterCallbacks) {
    this.config = config;
    this.callbacks = callbacks;
    this.context = new FilterFormatterContext(callbacks);
  }

  decodeHeaders(headers: RequestHeaderMap, _endStream: boolean): FilterStatus {
    const { mutations, mostSpecificWins } = this.config;
    const levels = this.routeLevels();
    const { length } = levels;
    mutateRequest(mutations, headers, this.context);
    for (let index = 0; index < length; index++) {
      mutateRequest(levels[mostSpecificWins ? index : length - 1 - index]!, headers, this.context);
    }
    return "continue";
  }

  decodeTrailers(trailers: HeaderMap): FilterStatus {
    this.applyAll("requestTrailers", trailers);
    return "continue";
  }

  encodeHeaders(headers: ResponseHeaderMap, _endStream: boolean): FilterStatus {
    this.applyAll("response", headers);
    return "continue";
  }

  encodeTrailers(trailers: HeaderMap): FilterStatus {
    this.context.responseTrailers = trailers;
    this.applyAll("responseTrailers", trailers);
    return "continue";
  }

  private applyAll(
    part: "requestTrailers" | "response" | "responseTrailers",
    headers: HeaderMap,
  ): void {
    const { mutations, mostSpecificWins } = this.config;
    const levels = this.routeLevels();
    const { length } = levels;
    apply(mutations[part], headers, this.context);
    for (let index = 0; index < length; index++) {
      apply(levels[mostSpecificWins ? index : length - 1 - index]![part], headers, this.context);
    }
  }

  private routeLevels(): readonly Mutations[] {
    this.levels ??= this.callbacks.routeConfigs() as readonly Mutations[];
    return this.levels;
  }
}

function apply(
  mutations: readonly Mutation[],
  headers: HeaderMap,
  context: FormatterContext,
): void {
  for (let index = 0; index < mutations.length; index++) mutations[index]!.apply(headers, context);
}

function mutateRequest(
  mutations: Mutations,
  headers: RequestHeaderMap,
  context: FormatterContext,
): void {
  apply(mutations.request, headers, context);
  if (mutations.query.length > 0 && headers.path !== "") {
    headers.path = mutateQuery(headers.path, mutations.query, context);
  }
}
