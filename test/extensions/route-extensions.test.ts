import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { routeExtensions } from "../../src/extensions/route-extensions.ts";

describe("the extensions of routes", () => {
  const extensions = routeExtensions();

  it("are found by kind", () => {
    const context = new CompileContext();
    const made = [
      extensions.hostPredicate({ name: "envoy.retry_host_predicates.previous_hosts" }, context),
      extensions.redirectPredicate(
        { name: "envoy.internal_redirect_predicates.previous_routes" },
        context,
      ),
    ];
    assert.ok(made.every((one) => one !== null));
    assert.deepEqual(context.diagnostics, []);
  });

  it("are reported when they are of another kind", () => {
    const context = new CompileContext();
    const name = "envoy.retry_host_predicates.previous_hosts";
    assert.equal(extensions.priority({ name }, context), null);
    assert.equal(extensions.redirectPredicate({ name }, context), null);
    assert.equal(context.diagnostics.length, 2);
  });
});
