import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME, type RuntimeSnapshot } from "../../../../src/config/runtime.ts";
import {
  decidePaths,
  pathsByRuntime,
} from "../../../../src/extensions/network-filters/http-connection-manager/runtime-paths.ts";
import type { PathSettings } from "../../../../src/http/connection-manager-config.ts";

const PATHS: PathSettings = {
  normalizePath: false,
  mergeSlashes: false,
  escapedSlashes: "KEEP_UNCHANGED",
  stripTrailingHostDot: false,
  stripPort: "none",
};

const runtimeOf = (values: Readonly<Record<string, number>>): RuntimeSnapshot => ({
  ...DEFAULT_RUNTIME,
  getInteger: (key, otherwise) => values[key] ?? otherwise,
  featureEnabled: (key, numerator, denominator, random) =>
    random % denominator < (values[key] ?? numerator),
});

const NORMALIZE = runtimeOf({ "http_connection_manager.normalize_path": 100 });
const REJECT = runtimeOf({ "http_connection_manager.path_with_escaped_slashes_action": 2 });

describe("paths by runtime", () => {
  it("normalises when the message leaves it open and the runtime says so", () => {
    const open = pathsByRuntime({});
    assert.ok(decidePaths(PATHS, open, NORMALIZE, 99).normalizePath);
    assert.ok(!decidePaths(PATHS, open, DEFAULT_RUNTIME, 0).normalizePath);
  });

  it("obeys the message when it says false", () => {
    const open = pathsByRuntime({ normalizePath: false });
    assert.ok(!decidePaths(PATHS, open, NORMALIZE, 0).normalizePath);
  });

  it("takes the action for escaped slashes only where the default is asked for", () => {
    const open = pathsByRuntime({
      pathWithEscapedSlashesAction: "IMPLEMENTATION_SPECIFIC_DEFAULT",
    });
    assert.equal(decidePaths(PATHS, open, REJECT, 0).escapedSlashes, "REJECT_REQUEST");
    const unset = decidePaths(PATHS, pathsByRuntime({}), REJECT, 0);
    assert.equal(unset.escapedSlashes, "KEEP_UNCHANGED");
  });
});
