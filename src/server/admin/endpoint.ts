/** One page of the admin interface. Envoy: `Admin::UrlHandler` (envoy/server/admin.h). */
import type { AdminHost } from "./admin-host.ts";

/** A request to an admin page. */
export interface AdminRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Text in slices: long pages are written as the client takes them. */
export type AdminBody = string | Iterable<string> | AsyncIterable<string>;

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: AdminBody;
}

export interface AdminEndpoint {
  /** `/stats/prometheus`. */
  readonly path: string;
  /** One line for the help page. */
  readonly help: string;
  /** Changes something: POST only. */
  readonly mutates: boolean;
  /** Query parameters for the help page: name → what it does. */
  readonly parameters: Readonly<Record<string, string>>;
  handle(request: AdminRequest, host: AdminHost): AdminResponse | Promise<AdminResponse>;
}

export function text(body: AdminBody, status: number = 200): AdminResponse {
  return { status, contentType: "text/plain; charset=UTF-8", body };
}

export function json(body: AdminBody, status: number = 200): AdminResponse {
  return { status, contentType: "application/json", body };
}
