import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import type { OverloadManager } from "../../src/proto/generated/envoy/config/overload/v3.ts";
import { compileOverloadManager, createGlobalLimit } from "../../src/server/overload-config.ts";

const MESSAGE =
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";

function monitor(typeName: string, value: object) {
  return { name: "m", typedConfig: { typeUrl: `type.googleapis.com/${typeName}`, value } };
}

function compile(message: OverloadManager | undefined): [number | null, string[]] {
  const context = new CompileContext("overload_manager");
  const max = compileOverloadManager(message, context);
  return [max, context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`)];
}

describe("overload_manager", () => {
  it("takes the limit of downstream connections", () => {
    const limit = monitor(MESSAGE, { maxActiveDownstreamConnections: 7 });
    assert.deepEqual(compile({ resourceMonitors: [limit] }), [7, []]);
    assert.deepEqual(compile(undefined), [null, []]);
  });

  it("refuses other monitors and actions by name", () => {
    const [, problems] = compile({
      resourceMonitors: [monitor("envoy.some.Heap", {})],
      actions: [{ name: "envoy.overload_actions.shrink_heap" }],
    });
    assert.deepEqual(problems, [
      "overload_manager.actions: Overload actions are not supported yet",
      "overload_manager.resource_monitors[0].typed_config: Resource monitor envoy.some.Heap is not supported yet",
    ]);
  });
});

describe("createGlobalLimit", () => {
  it("gives as many places as configured, and takes them back", () => {
    const limit = createGlobalLimit(2, DEFAULT_RUNTIME);
    assert.deepEqual(
      [1, 2, 3].map(() => limit.tryAcquire()),
      [true, true, false],
    );
    limit.release();
    assert.deepEqual([limit.tryAcquire(), limit.tryAcquire()], [true, false]);
  });

  it("follows the runtime when nothing is configured, and is unlimited without a key", () => {
    const runtime = { ...DEFAULT_RUNTIME, getInteger: () => 1 };
    const limit = createGlobalLimit(null, runtime);
    assert.deepEqual([limit.tryAcquire(), limit.tryAcquire()], [true, false]);
    const none = createGlobalLimit(null, DEFAULT_RUNTIME);
    assert.equal(Array.from({ length: 1000 }, () => none.tryAcquire()).every(Boolean), true);
  });
});
