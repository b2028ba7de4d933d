import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { validateBootstrap } from "../../src/server/validate-bootstrap.ts";
import { bootstrap, httpListener, socketAddress, staticCluster } from "./configs.ts";
import { BOOTSTRAP, ServerFixture } from "./server-fixture.ts";

const LOG = {
  name: "stats",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
  },
};

async function validate(text: string): Promise<readonly Diagnostic[]> {
  const fixture = await ServerFixture.create(text);
  const { loader, platform, options } = fixture.server;
  const found = await validateBootstrap(
    { files: [BOOTSTRAP] },
    loader,
    platform,
    options.overrides,
  );
  assert.deepEqual(fixture.network.listening(), []);
  assert.deepEqual(fixture.files.watched(), []);
  assert.deepEqual(fixture.time.pending(), []);
  return found;
}

describe("validation", () => {
  it("finds nothing in a good bootstrap and opens nothing", async () => {
    const text = bootstrap({
      clusters: [staticCluster("one", [1001])],
      listeners: [httpListener({ name: "main", port: 8080 })],
      more: { admin: { address: socketAddress(9901) } },
    });
    assert.deepEqual(await validate(text), []);
  });

  it("finds every problem at once, each with its place", async () => {
    const text = bootstrap({
      clusters: [staticCluster("one", [1001], { lb_policy: "CLUSTER_PROVIDED" })],
      listeners: [httpListener({ name: "main", port: 8080, cluster: "missing" })],
      more: {
        admin: { address: socketAddress(9901), access_log: [LOG] },
        header_prefix: "x-other",
      },
    });
    const found = await validate(text);
    const errors = found.filter(({ severity }) => severity === "error");
    const sections = errors.map(({ path }) => path.split(/[.[]/, 2).join("."));
    for (const section of ["static_resources.clusters", "static_resources.listeners"]) {
      assert.ok(sections.includes(section), `${section} is missing in ${sections}`);
    }
    assert.ok(errors.some(({ path }) => path.startsWith("admin.access_log[0]")));
    assert.ok(errors.some(({ path }) => path === "header_prefix"));
    assert.ok(errors.every(({ source }) => source?.line === 1));
  });
});
