// hot: per request
/**
 * Changes of query parameters. As in Envoy, a changed query is written anew: decoded, sorted by
 * name, every parameter with "=", values as they are. Envoy: `QueryParamsMulti`
 * (source/common/http/utility.cc).
 */
import type { KeyValueAppend_KeyValueAppendAction } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { Formatter, FormatterContext } from "../../../route/formatter.ts";

export type QueryAction = KeyValueAppend_KeyValueAppendAction | "REMOVE";
export type QueryParameters = Map<string, string[]>;

export class QueryMutation {
  private readonly key: string;
  private readonly action: QueryAction;
  private readonly format: Formatter | null;

  /** `format` is null for REMOVE only. */
  constructor(key: string, action: QueryAction, format: Formatter | null) {
    this.key = key;
    this.action = action;
    this.format = format;
  }

  apply(parameters: QueryParameters, context: FormatterContext): void {
    if (this.format === null) {
      parameters.delete(this.key);
      return;
    }
    const value = this.format.format(context);
    const present = parameters.get(this.key);
    if (this.action === "APPEND_IF_EXISTS_OR_ADD" && present !== undefined) present.push(value);
    else if (this.applies(present !== undefined)) parameters.set(this.key, [value]);
  }

  private applies(present: boolean): boolean {
    if (this.action === "ADD_IF_ABSENT") return !present;
    return this.action === "OVERWRITE_IF_EXISTS" ? present : true;
  }
}

/** The path with its query changed. */
export function mutateQuery(
  path: string,
  mutations: readonly QueryMutation[],
  context: FormatterContext,
): string {
  const query = path.indexOf("?");
  const parameters = query < 0 ? new Map<string, string[]>() : parseQuery(path.slice(query + 1));
  for (let index = 0; index < mutations.length; index++)
    mutations[index]!.apply(parameters, context);
  return (query < 0 ? path : path.slice(0, query)) + writeQuery(parameters);
}

function parseQuery(query: string): QueryParameters {
  const parameters: QueryParameters = new Map();
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const key = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decode(part.slice(equals + 1));
    const present = parameters.get(key);
    if (present === undefined) parameters.set(key, [value]);
    else present.push(value);
  }
  return parameters;
}

function writeQuery(parameters: QueryParameters): string {
  const keys = Array.from(parameters.keys()).sort();
  let query = "";
  for (let index = 0; index < keys.length; index++) {
    const values = parameters.get(keys[index]!)!;
    for (let at = 0; at < values.length; at++) {
      query += `${query === "" ? "?" : "&"}${keys[index]!}=${values[at]!}`;
    }
  }
  return query;
}

const ESCAPE = /%([0-9A-Fa-f]{2})/g;

function decode(text: string): string {
  return text.includes("%") ? text.replace(ESCAPE, decodeEscape) : text;
}

function decodeEscape(_escape: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16));
}
