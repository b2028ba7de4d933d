// A broken configuration as data: a fragment in a frame that is right, with » where the one
// diagnostic must point, and what it must say.

export interface BrokenConfig {
  readonly what: string;
  readonly text: string;
  /** Default: a YAML file. */
  readonly file?: string;
  readonly message: RegExp;
  readonly remedy: RegExp;
}

/** The text that is validated, and the place of the mark. */
export interface MarkedText {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

const MARK = "»";

export function readMark(marked: string): MarkedText {
  const before = marked.slice(0, marked.indexOf(MARK)).split("\n");
  if (!marked.includes(MARK)) throw new Error(`no ${MARK} in\n${marked}`);
  const column = (before.at(-1) as string).length + 1;
  return { text: marked.replace(MARK, ""), line: before.length, column };
}

function indented(fragment: string, columns: number): string {
  const lines = fragment.replace(/^\n/, "").trimEnd().split("\n");
  const common = Math.min(
    ...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)),
  );
  return lines.map((line) => " ".repeat(columns) + line.slice(common)).join("\n");
}

export const EXTENSIONS = "type.googleapis.com/envoy.extensions";

/** Fields of a cluster named `one`. */
export function cluster(fields: string): string {
  return `static_resources:\n  clusters:\n  - name: one\n${indented(fields, 4)}\n`;
}

/** Items of `static_resources.clusters`. */
export function clusters(items: string): string {
  return `static_resources:\n  clusters:\n${indented(items, 2)}\n`;
}

/** Items of `static_resources.listeners`. */
export function listeners(items: string): string {
  return `static_resources:\n  listeners:\n${indented(items, 2)}\n`;
}

/** Fields of a listener that has a name and an address. */
export function listener(fields: string): string {
  return listeners(`- name: main
  address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
${indented(fields, 2)}`);
}

/** Network filters of the one filter chain. */
export function networkFilters(items: string): string {
  return listener(`filter_chains:\n- filters:\n${indented(items, 2)}`);
}

export const ROUTER: string = `- name: envoy.filters.http.router
  typed_config: { "@type": ${EXTENSIONS}.filters.http.router.v3.Router }`;

export const ECHO: string = `- name: envoy.filters.network.echo
  typed_config: { "@type": ${EXTENSIONS}.filters.network.echo.v3.Echo }`;

/** Fields of a connection manager that lacks only its routes and its filters. */
export function bareManager(fields: string): string {
  return networkFilters(`- name: envoy.filters.network.http_connection_manager
  typed_config:
    "@type": ${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager
    stat_prefix: ingress
${indented(fields, 4)}`);
}

/** Virtual hosts of a connection manager with a router. */
export function virtualHosts(items: string): string {
  return bareManager(`http_filters:
${ROUTER}
route_config:
  virtual_hosts:
${indented(items, 2)}`);
}

/** Routes of the one virtual host. */
export function routes(items: string): string {
  return virtualHosts(`- name: all\n  domains: ["*"]\n  routes:\n${indented(items, 2)}`);
}

/** Fields of a connection manager that answers everything with 200. */
export function manager(fields: string): string {
  return bareManager(`http_filters:
${ROUTER}
route_config:
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes: [{ match: { prefix: / }, direct_response: { status: 200 } }]
${indented(fields, 0)}`);
}

/** HTTP filters of a connection manager that answers everything with 200. */
export function httpFilters(items: string): string {
  return bareManager(`http_filters:
${indented(items, 0)}
route_config:
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes: [{ match: { prefix: / }, direct_response: { status: 200 } }]`);
}
