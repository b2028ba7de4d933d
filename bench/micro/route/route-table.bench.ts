// Finding the route of a request: one route, fifty, by header, by regex, among a thousand hosts.

import { CompileContext } from "../../../src/config/compile-context.ts";
import type { RouteConfiguration } from "../../../src/proto/generated/envoy/config/route/v3.ts";
import type { RouteTable } from "../../../src/route/route.ts";
import { compileRouteTable } from "../../../src/route/route-table.ts";
import { oneHost, routeServices, TestRequest } from "../../../test/kit/route-request.ts";
import { bench } from "../../kit/micro.ts";

function table(message: RouteConfiguration): RouteTable {
  return compileRouteTable(message, routeServices(), new CompileContext())!;
}

const route = { cluster: "c" };
const request = new TestRequest("/api/v1/users/123456?page=2", {
  host: "api.example.com",
  headers: {
    "user-agent": "curl/8.0",
    accept: "*/*",
    "x-request-id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "x-canary": "yes",
  },
});

const single = table(oneHost({ match: { prefix: "/" }, route }));
// The path without its query is a slice.
bench("one route", () => single.match(request), { allocatedBytesMax: 32 });

const prefixes = Array.from({ length: 49 }, (_, at) => ({
  match: { prefix: `/service/${at}/` },
  route,
}));
const fifty = table(oneHost(...prefixes, { match: { prefix: "/" }, route }));
bench("the last of fifty prefixes", () => fifty.match(request));

const canary = {
  match: { prefix: "/", headers: [{ name: "x-canary", exactMatch: "yes" }] },
  route,
};
const byHeader = table(oneHost(canary));
bench("a header matcher", () => byHeader.match(request));

const byRegex = table(oneHost({ match: { safeRegex: { regex: "/api/v[0-9]/users/.*" } }, route }));
bench("a regex", () => byRegex.match(request));

const hosts = Array.from({ length: 1000 }, (_, at) => ({
  name: `h${at}`,
  domains: [`h${at}.example.com`, `h${at}.example.com:80`, `h${at}`],
  routes: [{ match: { prefix: "/" }, route }],
}));
const many = table({
  virtualHosts: [...hosts, { ...hosts[0], name: "wild", domains: ["*.example.com", "*"] }],
});
bench("a wildcard among 1000 virtual hosts", () => many.match(request));
