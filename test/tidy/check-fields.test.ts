import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredDescriptor } from "../../src/proto/descriptor.ts";
import { checkFields, unnamedFields } from "./check-fields.ts";
import { makeTree } from "./source-tree.ts";

const message = (...fields: readonly unknown[]): string => JSON.stringify({ fields });
const descriptor: StoredDescriptor = {
  messages: {
    "envoy.config.cluster.v3.Cluster": message(
      ["connect_timeout", 1, "string"],
      ["lb_config", 2, "envoy.config.cluster.v3.LbConfig"],
      ["old", 3, "string", 0, { deprecated: 1 }],
      ["silent", 4, "envoy.config.cluster.v3.Silent"],
    ),
    "envoy.config.cluster.v3.LbConfig": message(["choice_count", 1, "uint32"]),
    "envoy.config.cluster.v3.Silent": message(["inside", 1, "uint32"]),
    "envoy.extensions.x.v3.Filter": message(["also_silent", 1, "string"]),
    "envoy.extensions.x.v3.Unused": message(["unused", 1, "string"]),
  },
  enums: {},
} as unknown as StoredDescriptor;

describe("unnamedFields", () => {
  it("finds what no file names, below fields that are named", () => {
    const tree = makeTree({
      "src/upstream/a.ts": `x(message.connectTimeout, message.lbConfig);`,
      "src/extensions/x.ts": `const messages = ["envoy.extensions.x.v3.Filter"];`,
    });
    assert.deepEqual(unnamedFields(tree, descriptor), {
      "envoy.config.cluster.v3.Cluster": ["silent"],
      "envoy.config.cluster.v3.LbConfig": ["choice_count"],
      "envoy.extensions.x.v3.Filter": ["also_silent"],
    });
  });

  it("counts a field reported by its name in the file's own style", () => {
    const tree = makeTree({
      "src/upstream/a.ts": `f("connect_timeout", "lb_config", "choice_count", "silent", "inside");`,
    });
    assert.deepEqual(unnamedFields(tree, descriptor), {});
  });
});

describe("checkFields", () => {
  it("tells new ones, and those that are named now", () => {
    const same = checkFields({ m: ["a"] }, { m: ["a"] });
    assert.deepEqual(same, { silent: [], named: [] });
    assert.match(checkFields({ m: ["a"] }, {}).silent.join(), /^m\.a is named nowhere/);
    assert.deepEqual(checkFields({}, { m: ["a"] }).named, ["m.a"]);
  });
});
