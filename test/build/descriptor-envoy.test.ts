// Our messages are exactly those that the judging Envoy carries in its binary: names, numbers,
// types, rules.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { differences, programOf } from "../../build/compare-descriptors.ts";
import { packagedModel } from "../../build/descriptor/packaged-model.ts";
import { readEnvoyBinary } from "../../build/descriptor/read-envoy-binary.ts";
import { requirePeer } from "../kit/find-envoy.ts";

const envoy = requirePeer("envoy");

describe("our messages and Envoy's", { skip: envoy.skip }, () => {
  it("are the same", () => {
    const ours = packagedModel();
    const theirs = readEnvoyBinary(programOf(envoy.path));
    assert.ok(theirs.messages.size > 1000, "no descriptors found in the binary");
    assert.deepEqual(differences(ours, theirs), []);
  });
});
