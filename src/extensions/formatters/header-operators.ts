// hot: per request
/**
 * Commands that read headers and the request line. Envoy: `HeaderFormatter`, `PathFormatter`,
 * `QueryParameterFormatter` (source/common/formatter/http_specific_formatter.cc).
 */
import type { HeaderMap, RequestHeaderMap } from "../../codec/header-map.ts";
import { type HeaderName, Headers, headerName } from "../../codec/header-names.ts";
import { pathLength, queryParameter } from "../../codec/query-string.ts";
import type { FormatterContext } from "../../route/formatter.ts";
import { type NumberReader, TextCommand, type TextReader } from "./command.ts";
import {
  numberOperator,
  type Operator,
  type OperatorCall,
  type OperatorTable,
  textWithParameters,
} from "./operator.ts";

type MapOf = (context: FormatterContext) => HeaderMap | null;

const requestHeaders: MapOf = (context) => context.requestHeaders;
const responseHeaders: MapOf = (context) => context.responseHeaders;
const responseTrailers: MapOf = (context) => context.responseTrailers;

interface HeaderPair {
  readonly main: HeaderName;
  readonly alternative: HeaderName | null;
}

/** `X?Y`: X, or Y when there is no X. */
function parseHeaderPair({ parameters, context }: OperatorCall): HeaderPair | null {
  const names = parameters.split("?");
  if (names.length > 2) {
    return context.error(
      `More than one alternative header in ${parameters}`,
      "write at most one: X?Y",
    );
  }
  const [main = "", alternative = ""] = names;
  const bad = names.find((name) => name !== "" && !/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name));
  if (bad !== undefined)
    return context.error(`${bad} is no header name`, "write letters, digits and -");
  return {
    main: lookupName(main),
    alternative: alternative === "" ? null : lookupName(alternative),
  };
}

/** `host` is kept as the authority. */
function lookupName(text: string): HeaderName {
  const name = headerName(text);
  return name === Headers.Host ? Headers.Authority : name;
}

function readHeader(pair: HeaderPair, mapOf: MapOf): TextReader {
  const { main, alternative } = pair;
  if (alternative === null) return (context) => mapOf(context)?.get(main);
  return (context) => {
    const headers = mapOf(context);
    return headers === null ? null : (headers.get(main) ?? headers.get(alternative));
  };
}

function headerOperator(mapOf: MapOf): Operator {
  return textWithParameters((call) => {
    const pair = parseHeaderPair(call);
    return pair === null ? null : readHeader(pair, mapOf);
  });
}

function withoutQuery(call: OperatorCall): TextReader | null {
  const pair = parseHeaderPair(call);
  if (pair === null) return null;
  const read = readHeader(pair, requestHeaders);
  return (context) => cutQuery(read(context));
}

function cutQuery(path: string | null | undefined): string | null {
  if (path === null || path === undefined) return null;
  const query = path.indexOf("?");
  return query < 0 ? path : path.slice(0, query);
}

type PathSource = (headers: RequestHeaderMap) => string | undefined;

const PATH_SOURCES: Readonly<Record<string, PathSource>> = {
  ORIG: (headers) => headers.get(Headers.EnvoyOriginalPath),
  PATH: (headers) => headers.get(Headers.Path),
  ORIG_OR_PATH: (headers) => headers.get(Headers.EnvoyOriginalPath) ?? headers.get(Headers.Path),
};

/** `PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)`; both parts may be left out. */
function createPath({ parameters, context }: OperatorCall): TextCommand | null {
  const [query = "WQ", source = "ORIG_OR_PATH", ...rest] =
    parameters === "" ? [] : parameters.split(":");
  const pathOf = PATH_SOURCES[source === "" ? "ORIG_OR_PATH" : source];
  if (rest.length > 0 || pathOf === undefined || !["WQ", "NQ", ""].includes(query)) {
    return context.error(
      `PATH does not know (${parameters})`,
      "use WQ or NQ, then ORIG, PATH or ORIG_OR_PATH",
    );
  }
  const keepsQuery = query !== "NQ";
  return new TextCommand(({ requestHeaders: headers }) => {
    const path = headers === null ? undefined : pathOf(headers);
    return keepsQuery || path === undefined ? path : path.slice(0, pathLength(path));
  });
}

function queryParam({ parameters }: OperatorCall): TextReader {
  return ({ requestHeaders: headers }) => {
    const value = headers === null ? null : queryParameter(headers.path, parameters);
    return value === null || !value.includes("%") ? value : percentDecode(value);
  };
}

/** `%41` becomes A; what is no escape stays. */
function percentDecode(text: string): string {
  return text.replace(ESCAPE, decodeEscape);
}

const ESCAPE = /%[0-9A-Fa-f]{2}/g;

function decodeEscape(coded: string): string {
  return String.fromCharCode(Number.parseInt(coded.slice(1), 16));
}

/** Names and values, pseudo headers included. */
function sizeOf(mapOf: MapOf): NumberReader {
  return (context) => {
    const headers = mapOf(context);
    return headers === null ? 0 : headers.byteSize() + pseudoSize(headers);
  };
}

function pseudoSize(headers: HeaderMap): number {
  let bytes = 0;
  for (let index = 0; index < PSEUDO.length; index++) {
    const name = PSEUDO[index]!;
    const value = headers.get(name);
    if (value !== undefined) bytes += name.text.length + value.length;
  }
  return bytes;
}

const PSEUDO: readonly HeaderName[] = [
  Headers.Method,
  Headers.Path,
  Headers.Authority,
  Headers.Scheme,
  Headers.Protocol,
  Headers.Status,
];

const REQUEST = headerOperator(requestHeaders);
const RESPONSE = headerOperator(responseHeaders);
const TRAILER = headerOperator(responseTrailers);

export const HEADER_OPERATORS: OperatorTable = {
  REQ: REQUEST,
  REQUEST_HEADER: REQUEST,
  RESP: RESPONSE,
  RESPONSE_HEADER: RESPONSE,
  TRAILER,
  RESPONSE_TRAILER: TRAILER,
  REQ_WITHOUT_QUERY: textWithParameters(withoutQuery),
  PATH: { parameters: "optional", truncates: true, create: createPath },
  QUERY_PARAM: textWithParameters(queryParam),
  REQUEST_HEADERS_BYTES: numberOperator(sizeOf(requestHeaders)),
  RESPONSE_HEADERS_BYTES: numberOperator(sizeOf(responseHeaders)),
  RESPONSE_TRAILERS_BYTES: numberOperator(sizeOf(responseTrailers)),
};
