// Requests and services for tests of route tables: a request is a head, a format is a small subset.

import { RequestHeaderMap, type ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import { routeExtensions } from "../../src/extensions/route-extensions.ts";
import { ConnectionInfo, StreamInfo } from "../../src/network/stream-info.ts";
import type { RouteConfiguration } from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { FormatParser, Formatter } from "../../src/route/formatter.ts";
import type { Route, RouteMatchInput, RouteTable } from "../../src/route/route.ts";
import type { RouteServices } from "../../src/route/route-services.ts";
import { compileRouteTable } from "../../src/route/route-table.ts";

export interface RequestOptions {
  readonly method?: string;
  readonly host?: string;
  readonly random?: number;
  /** `[name, value]` pairs, or an object. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
}

/** A request that came over plain HTTP from 192.0.2.10:5000 to 192.0.2.1:80. */
export class TestRequest implements RouteMatchInput {
  readonly headers: RequestHeaderMap = new RequestHeaderMap();
  readonly streamInfo: StreamInfo;
  private readonly number: number;

  constructor(path: string, options: RequestOptions = {}) {
    const { headers } = this;
    headers.method = options.method ?? "GET";
    headers.path = path;
    headers.authority = options.host ?? "example.com";
    headers.scheme = "http";
    headers.add(headerName("x-forwarded-proto"), "http");
    const given = options.headers ?? {};
    const pairs = Array.isArray(given) ? given : Object.entries(given);
    for (const [name, value] of pairs) {
      if (name === "x-forwarded-proto") headers.set(headerName(name), value);
      else headers.add(headerName(name), value);
    }
    const connection = new ConnectionInfo(
      1,
      { ip: "192.0.2.10", port: 5000 },
      { ip: "192.0.2.1", port: 80 },
    );
    this.streamInfo = new StreamInfo(connection, 0, 0);
    this.number = options.random ?? 0;
  }

  random(): number {
    return this.number;
  }

  /** Header lines as text, without x-forwarded-proto. */
  lines(): string[] {
    return headerLines(this.headers).filter((line) => !line.startsWith("x-forwarded-proto:"));
  }
}

export function headerLines(headers: RequestHeaderMap | ResponseHeaderMap): string[] {
  return headers.names.map((name, index) => `${name.text}: ${headers.values[index]}`);
}

/** Knows %REQ(name)%, %RESP(name)% and %%; everything else is an error. */
export const TEST_FORMATS: FormatParser = {
  parseText(text, { omitEmptyValues }, context): Formatter | null {
    const parts = text.split(/(%%|%(?:REQ|RESP)\([^)]*\)%)/);
    if (parts.some((part, index) => index % 2 === 0 && part.includes("%"))) {
      return context.error("Bad format", "do otherwise");
    }
    return {
      format: ({ requestHeaders, responseHeaders }) =>
        parts
          .map((part) => {
            if (part === "%%") return "%";
            const [, block, name] = /^%(REQ|RESP)\((.*)\)%$/.exec(part) ?? [];
            if (name === undefined) return part;
            const headers = block === "REQ" ? requestHeaders : responseHeaders;
            return headers?.get(headerName(name)) ?? (omitEmptyValues ? "" : "-");
          })
          .join(""),
    };
  },
  parseJson: (_format, _options, context) => context.error("No JSON in this test", "do otherwise"),
};

export function routeServices(overrides: Partial<RouteServices> = {}): RouteServices {
  return {
    runtime: DEFAULT_RUNTIME,
    formats: TEST_FORMATS,
    filters: { forRouteMessage: () => undefined },
    extensions: routeExtensions(),
    time: { monotonicMs: () => 0 },
    readDataSource: (_source, context) => context.error("No files in this test", "do otherwise"),
    clusterNames: null,
    validateClusters: false,
    ...overrides,
  };
}

/** Compiles a table that must be free of errors; warnings are left out. */
export function routeTable(
  message: RouteConfiguration,
  overrides: Partial<RouteServices> = {},
): RouteTable {
  const context = new CompileContext();
  const table = compileRouteTable(message, routeServices(overrides), context);
  const errors = context.diagnostics.filter(({ severity }) => severity === "error");
  if (table === null || errors.length > 0) {
    throw new Error(`unexpected problems: ${JSON.stringify(errors)}`);
  }
  return table;
}

/** `severity path: message` of everything a table reports. */
export function routeProblems(
  message: RouteConfiguration,
  overrides: Partial<RouteServices> = {},
): string[] {
  const context = new CompileContext();
  compileRouteTable(message, routeServices(overrides), context);
  return context.diagnostics.map(
    ({ severity, path, message: text }) => `${severity} ${path}: ${text}`,
  );
}

/** One virtual host `*` with these routes. */
export function oneHost(
  ...routes: NonNullable<NonNullable<RouteConfiguration["virtualHosts"]>[number]["routes"]>
): RouteConfiguration {
  return { name: "r", virtualHosts: [{ name: "v", domains: ["*"], routes }] };
}

/** The cluster a request goes to; "-" without a route, the status of a direct answer. */
export function clusterOf(table: RouteTable, request: TestRequest): string {
  return describeRoute(table.match(request));
}

function describeRoute(route: Route | null): string {
  if (route === null) return "-";
  return route.entry === null ? String(route.directResponse?.status) : route.entry.clusterName;
}
