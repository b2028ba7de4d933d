import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { allowListedRoutes } from "../../../src/extensions/internal-redirect-predicates/allow-listed-routes/allow-listed-routes.ts";
import { previousRoutes } from "../../../src/extensions/internal-redirect-predicates/previous-routes/previous-routes.ts";
import { safeCrossScheme } from "../../../src/extensions/internal-redirect-predicates/safe-cross-scheme/safe-cross-scheme.ts";
import { ConnectionInfo, StreamInfo } from "../../../src/network/stream-info.ts";
import type { RedirectTarget } from "../../../src/route/internal-redirect.ts";

const ADDRESS = { ip: "127.0.0.1", port: 1 };

function target(more: Partial<RedirectTarget> = {}): RedirectTarget {
  return {
    streamInfo: new StreamInfo(new ConnectionInfo(1, ADDRESS, ADDRESS), 0, 0),
    routeName: "here",
    targetRouteName: "there",
    https: false,
    targetHttps: false,
    ...more,
  };
}

describe("allow_listed_routes", () => {
  it("accepts the routes of its list", () => {
    const predicate = allowListedRoutes.compile(
      { allowedRouteNames: ["there"] },
      new CompileContext(),
    )!;
    assert.equal(predicate.accepts(target()), true);
    assert.equal(predicate.accepts(target({ targetRouteName: "" })), false);
  });
});

describe("previous_routes", () => {
  it("accepts each target of a route once, over all redirects of a request", () => {
    const predicate = previousRoutes.compile({}, new CompileContext())!;
    const first = target();
    assert.equal(predicate.accepts(first), true);
    assert.equal(predicate.accepts(first), false);
    assert.equal(predicate.accepts({ ...first, targetRouteName: "elsewhere" }), true);
    assert.equal(predicate.accepts({ ...first, routeName: "elsewhere" }), true);
    const state = first.streamInfo.filterState(
      "envoy.internal_redirect.previous_routes_predicate_state.here",
    );
    assert.equal(state?.serializeAsString(), "there,elsewhere");
    assert.equal(predicate.accepts(target()), true);
  });
});

describe("safe_cross_scheme", () => {
  it("refuses https only from http", () => {
    const predicate = safeCrossScheme.compile({}, new CompileContext())!;
    const asked = [false, true].flatMap((https) =>
      [false, true].map((targetHttps) => predicate.accepts(target({ https, targetHttps }))),
    );
    assert.deepEqual(asked, [true, false, true, true]);
  });
});
