// The conditions of a route one by one.
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import type { RouteMatch as Message } from "../../../src/proto/generated/envoy/config/route/v3.ts";
import { compileHeaderMatcher } from "../../../src/route/header-matcher.ts";
import { HTTP_INPUTS } from "../../../src/route/match-inputs.ts";
import { compilePathMatcher } from "../../../src/route/path-matcher.ts";
import { compileQueryParameterMatcher } from "../../../src/route/query-parameter-matcher.ts";
import { compileRouteMatch } from "../../../src/route/route-match.ts";
import { compileVirtualClusters } from "../../../src/route/virtual-clusters.ts";
import { TestRequest } from "../../../test/kit/route-request.ts";
import { bench } from "../../kit/micro.ts";

const context = new CompileContext();
const request = new TestRequest("/api/users?page=2", { headers: { accept: "*/*", a: "1" } });
const { headers } = request;

const present = compileHeaderMatcher({ name: "a" }, context)!;
const absent = compileHeaderMatcher({ name: "x-not-there", exactMatch: "1" }, context)!;
const exact = compileHeaderMatcher({ name: "a", exactMatch: "1" }, context)!;
bench("header present", () => present.matches(headers), { allocatedBytesMax: 0 });
bench("header exact, absent", () => absent.matches(headers), { allocatedBytesMax: 0 });
bench("header exact", () => exact.matches(headers), { allocatedBytesMax: 0 });

const query = compileQueryParameterMatcher({ name: "page" }, context)!;
bench("query parameter present", () => query.matches(headers.path));

function path(message: Message): () => boolean {
  const matcher = compilePathMatcher(message, context)!;
  return () => matcher.matches("/api/users", headers);
}
bench("prefix", path({ prefix: "/api/" }), { allocatedBytesMax: 0 });
bench("path, ignoring case", path({ path: "/API/users", caseSensitive: false }));
bench("path_separated_prefix", path({ pathSeparatedPrefix: "/api" }), { allocatedBytesMax: 0 });

const full = compileRouteMatch(
  {
    prefix: "/api",
    headers: [{ name: "a" }],
    runtimeFraction: { defaultValue: { numerator: 50 } },
  },
  DEFAULT_RUNTIME,
  context,
)!;
bench("prefix, header and fraction", () => full.matches("/api/users", request), {
  allocatedBytesMax: 0,
});

const groups = compileVirtualClusters(
  [{ name: "get", headers: [{ name: ":method", exactMatch: "GET" }] }],
  context,
)!;
bench("virtual cluster", () => groups.nameOf(headers), { allocatedBytesMax: 0 });

const compileInput = HTTP_INPUTS["envoy.type.matcher.v3.HttpRequestHeaderMatchInput"]!;
const input = compileInput({ headerName: "accept" }, context)!;
const data = {
  requestHeaders: headers,
  responseHeaders: null,
  requestTrailers: null,
  responseTrailers: null,
  streamInfo: request.streamInfo,
};
bench("header input of a matcher", () => input.get(data), { allocatedBytesMax: 0 });
