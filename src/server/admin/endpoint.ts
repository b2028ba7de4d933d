/** One page of the admin interface. Envoy: `Admin::UrlHandler` (envoy/server/admin.h). */
import type { AdminHost } from "./admin-host.ts";

/** A request to an admin page. */
export interface AdminRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Path without query. */
  readonly path: string;
  /** Of the path, or of a form body when the path has none. In order; the first value counts. */
  readonly query: ReadonlyMap<string, string>;
}

/** Text in slices: long pages are written as the client takes them. */
export type AdminBody = string | Iterable<string> | AsyncIterable<string>;

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: AdminBody;
  /** Called once the answer has been handed to the connection. */
  readonly onSent?: () => void;
}

/** A query parameter, as the help page describes it. Envoy: `Admin::ParamDescriptor`. */
export interface AdminParameter {
  readonly name: string;
  readonly help: string;
  /** Whether its presence counts, its text, or which of `choices` it names. */
  readonly kind: "flag" | "text" | "choice";
  readonly choices?: readonly string[];
}

export interface AdminEndpoint {
  /** `/stats/prometheus`. */
  readonly path: string;
  /** One line for the help page. */
  readonly help: string;
  /** Changes something: POST only. */
  readonly mutates: boolean;
  readonly parameters: readonly AdminParameter[];
  handle(request: AdminRequest, host: AdminHost): AdminResponse | Promise<AdminResponse>;
}

const TEXT = "text/plain; charset=UTF-8";

export function text(body: AdminBody, status: number = 200): AdminResponse {
  return { status, contentType: TEXT, body };
}

export function json(body: AdminBody, status: number = 200): AdminResponse {
  return { status, contentType: "application/json", body };
}

/** A JSON value as Envoy prints its messages: indented by one space. */
export function prettyJson(value: unknown): AdminResponse {
  return json(`${JSON.stringify(value, null, 1)}\n`);
}

export function html(body: AdminBody): AdminResponse {
  return { status: 200, contentType: "text/html; charset=UTF-8", body };
}

/** A page that takes no parameters and only shows something. */
export function page(
  path: string,
  help: string,
  handle: (host: AdminHost, request: AdminRequest) => AdminResponse | Promise<AdminResponse>,
): AdminEndpoint {
  return {
    path,
    help,
    mutates: false,
    parameters: [],
    handle: (request, host) => handle(host, request),
  };
}

/** A page that does something, without parameters, and answers OK. */
export function command(path: string, help: string, run: (host: AdminHost) => void): AdminEndpoint {
  return {
    path,
    help,
    mutates: true,
    parameters: [],
    handle: (_request, host) => {
      run(host);
      return text("OK\n");
    },
  };
}
