// hot: per request
/**
 * Inputs of the generic matcher that read an HTTP request or response.
 * Envoy: source/common/http/matching/inputs.h (envoy.type.matcher.v3.Http*MatchInput).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../codec/header-map.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import { queryParameter } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { InputCompiler } from "../config/matcher/compile-match-tree.ts";
import type { MatchInput } from "../config/matcher/match-tree.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import { requestHeaderName } from "./header-matcher.ts";

/** What HTTP matching sees; parts that are not there yet are null. */
export interface HttpMatchData {
  readonly requestHeaders: RequestHeaderMap | null;
  readonly responseHeaders: ResponseHeaderMap | null;
  readonly requestTrailers: HeaderMap | null;
  readonly responseTrailers: HeaderMap | null;
  readonly streamInfo: StreamInfo;
}

/** Which of the four header blocks an input reads. */
type Block = "requestHeaders" | "responseHeaders" | "requestTrailers" | "responseTrailers";

class HeaderInput implements MatchInput<HttpMatchData> {
  private readonly block: Block;
  private readonly name: HeaderName;

  constructor(block: Block, name: HeaderName) {
    this.block = block;
    this.name = name;
  }

  get(data: HttpMatchData): string | null {
    const headers: HeaderMap | null = data[this.block];
    return headers === null ? null : (headers.getJoined(this.name) ?? null);
  }
}

class QueryParameterInput implements MatchInput<HttpMatchData> {
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get(data: HttpMatchData): string | null {
    if (data.requestHeaders === null) return null;
    return queryParameter(data.requestHeaders.path, this.name);
  }
}

class FilterStateInput implements MatchInput<HttpMatchData> {
  private readonly key: string;
  private readonly field: string;

  constructor(key: string, field: string) {
    this.key = key;
    this.field = field;
  }

  get(data: HttpMatchData): string | null {
    const object = data.streamInfo.filterState(this.key);
    if (object === undefined) return null;
    if (this.field === "") return object.serializeAsString();
    const value = object.field?.(this.field);
    return value === undefined ? null : String(value);
  }
}

class StatusCodeInput implements MatchInput<HttpMatchData> {
  get(data: HttpMatchData): string | null {
    return data.responseHeaders === null ? null : String(data.responseHeaders.status);
  }
}

class StatusClassInput implements MatchInput<HttpMatchData> {
  get(data: HttpMatchData): string | null {
    const status = data.responseHeaders === null ? 0 : data.responseHeaders.status;
    return status < 100 || status > 599 ? null : CLASSES[Math.trunc(status / 100)]!;
  }
}

const CLASSES: readonly string[] = ["", "1xx", "2xx", "3xx", "4xx", "5xx"];

function headerInput(block: Block): InputCompiler<HttpMatchData> {
  return (message: object, context: CompileContext): MatchInput<HttpMatchData> | null => {
    const { headerName: text = "" } = message as { headerName?: string };
    if (text === "")
      return context.at("header_name").error("A header name is missing", "set header_name");
    const name = block === "requestHeaders" ? requestHeaderName(text) : headerName(text);
    return new HeaderInput(block, name);
  };
}

function queryInput(message: object, context: CompileContext): QueryParameterInput | null {
  const { queryParam = "" } = message as { queryParam?: string };
  if (queryParam === "")
    return context.at("query_param").error("A parameter name is missing", "set query_param");
  return new QueryParameterInput(queryParam);
}

function filterStateInput(message: object, context: CompileContext): FilterStateInput | null {
  const { key = "", field = "" } = message as { key?: string; field?: string };
  if (key === "") return context.at("key").error("A filter state key is missing", "set key");
  return new FilterStateInput(key, field);
}

const PACKAGE = "envoy.type.matcher.v3";

/** Inputs that read only the request. */
export const REQUEST_INPUTS: Readonly<Record<string, InputCompiler<HttpMatchData>>> = {
  [`${PACKAGE}.HttpRequestHeaderMatchInput`]: headerInput("requestHeaders"),
  [`${PACKAGE}.HttpRequestQueryParamMatchInput`]: queryInput,
  "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput": filterStateInput,
};

/** Inputs that read request and response. */
export const HTTP_INPUTS: Readonly<Record<string, InputCompiler<HttpMatchData>>> = {
  ...REQUEST_INPUTS,
  [`${PACKAGE}.HttpRequestTrailerMatchInput`]: headerInput("requestTrailers"),
  [`${PACKAGE}.HttpResponseHeaderMatchInput`]: headerInput("responseHeaders"),
  [`${PACKAGE}.HttpResponseTrailerMatchInput`]: headerInput("responseTrailers"),
  [`${PACKAGE}.HttpResponseStatusCodeMatchInput`]: () => new StatusCodeInput(),
  [`${PACKAGE}.HttpResponseStatusCodeClassMatchInput`]: () => new StatusClassInput(),
};
