import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeMessages } from "../../src/proto/merge.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { messages } from "./decode-text.ts";
import { SampleMaker } from "./sample-message.ts";

function merge(typeName: string, base: unknown, over: unknown): unknown {
  return mergeMessages(messages.registry.require(typeName), base, over);
}

describe("merging messages", () => {
  it("replaces set scalars, merges messages, appends lists, replaces map entries", () => {
    const base = {
      name: "a",
      altStatName: "x",
      healthChecks: [{ alwaysLogHealthCheckFailures: true }],
      metadata: { filterMetadata: { a: { x: 1 }, b: { y: 1 } } },
    };
    const over = {
      name: "b",
      healthChecks: [{ reuseConnection: false }],
      metadata: { filterMetadata: { a: { z: 1 } } },
    };
    assert.deepEqual(merge("envoy.config.cluster.v3.Cluster", base, over), {
      name: "b",
      altStatName: "x",
      healthChecks: [{ alwaysLogHealthCheckFailures: true }, { reuseConnection: false }],
      metadata: { filterMetadata: { a: { z: 1 }, b: { y: 1 } } },
    });
  });

  it("the later member of a oneof wins", () => {
    const merged = merge(
      "envoy.config.core.v3.Address",
      { pipe: { path: "p" } },
      { socketAddress: { address: "a", portValue: 1 } },
    );
    assert.deepEqual(merged, { socketAddress: { address: "a", portValue: 1 } });
  });

  it("gives what decoding both encodings one after the other gives", () => {
    const random = new SeededRandom();
    const maker = new SampleMaker(random);
    for (const name of messages.registry.messageNames()) {
      const type = messages.registry.require(name);
      // Of an Any only its encoding could be merged; Envoy replaces it whole just the same.
      if (type.form !== "object") continue;
      const [a, b] = [maker.message(type), maker.message(type)];
      const both = Buffer.concat([messages.encodeBinary(name, a), messages.encodeBinary(name, b)]);
      const together = messages.decodeBinary(name, both).message;
      const merged = messages.decodeBinary(name, messages.encodeBinary(name, merge(name, a, b)));
      assert.deepEqual(merged.message, together, `${name} seed ${random.seed}`);
    }
  });
});
