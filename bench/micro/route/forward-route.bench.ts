// Preparing a request for its upstream: nothing to do, mutations, rewrites.
import { Headers, headerName } from "../../../src/codec/header-names.ts";
import type { Route as RouteMessage } from "../../../src/proto/generated/envoy/config/route/v3.ts";
import type { ForwardRoute } from "../../../src/route/forward-route.ts";
import type { HeaderMutations } from "../../../src/route/header-mutation.ts";
import { updateAuthority } from "../../../src/route/rewrite.ts";
import { applyMutations, requestFormatContext } from "../../../src/route/route-format.ts";
import { oneHost, routeTable, TestRequest } from "../../../test/kit/route-request.ts";
import { bench } from "../../kit/micro.ts";

const request = new TestRequest("/v1/users?page=2", { headers: { accept: "*/*" } });
const { headers, streamInfo } = request;
const EXTRA = headerName("x-extra");

function forward(more: Partial<RouteMessage>): ForwardRoute {
  const message = { match: { prefix: "/v1" }, route: { cluster: "c" }, ...more };
  return routeTable(oneHost(message)).match(request)!.entry as ForwardRoute;
}

const plain = forward({});
bench("nothing to do", () => plain.finalizeRequestHeaders(headers, streamInfo, true), {
  allocatedBytesMax: 0,
});

const overwrite = { appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" } as const;
const adding = forward({
  requestHeadersToAdd: [{ header: { key: "x-extra", value: "1" }, ...overwrite }],
});
bench("one constant header", () => adding.finalizeRequestHeaders(headers, streamInfo, true));

const formatted = forward({
  requestHeadersToAdd: [{ header: { key: "x-extra", value: "<%REQ(accept)%>" }, ...overwrite }],
});
bench("one formatted header", () => formatted.finalizeRequestHeaders(headers, streamInfo, true));

const rewriting = forward({ route: { cluster: "c", prefixRewrite: "/v2" } });
bench("a prefix rewrite", () => {
  headers.path = "/v1/users?page=2";
  rewriting.finalizeRequestHeaders(headers, streamInfo, true);
});

bench("updateAuthority", () => updateAuthority(headers, "new.example.com", false, false));

const mutations: readonly HeaderMutations[] = [];
const clock = { monotonicMs: (): number => 0 };
const context = requestFormatContext(headers, streamInfo, clock);
bench("no response mutations", () => {
  applyMutations(mutations, context.responseHeaders!, headers, streamInfo, clock);
  return headers.get(Headers.Host) ?? EXTRA;
});
