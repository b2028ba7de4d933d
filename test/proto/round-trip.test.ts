// Every message type of the descriptor goes through bytes and through JSON and comes back
// unchanged.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadTextMessages } from "../../src/proto/text-messages.ts";
import { environmentSeed, SeededRandom } from "../kit/seeded-random.ts";
import { SampleMaker } from "./sample-message.ts";

const messages = await loadTextMessages();
await messages.prepare();
const names = messages.registry.messageNames();
const SEED = environmentSeed(7);

function sampleOf(name: string): unknown {
  const random = new SeededRandom(SEED + name.length * 7919 + names.indexOf(name));
  return new SampleMaker(random).message(messages.registry.require(name));
}

describe(`samples of all message types (seed ${SEED})`, () => {
  it("knows more than a thousand types", () => assert.ok(names.length > 1300));

  it("come back from bytes", () => {
    for (const name of names) {
      const sample = sampleOf(name);
      const decoded = messages.decodeBinary(name, messages.encodeBinary(name, sample));
      assert.deepEqual(decoded.diagnostics, [], name);
      assert.deepEqual(decoded.message, sample, name);
      assert.deepEqual(decoded.unknownFields, [], name);
    }
  });

  for (const style of ["snake", "camel"] as const) {
    it(`come back from JSON with ${style}-case names`, () => {
      for (const name of names) {
        const sample = sampleOf(name);
        const json = messages.toJson(name, sample, style);
        // A bare null or an empty text is no document; both are tested as fields.
        if (json === null || json === "") continue;
        const input = { file: name, text: JSON.stringify(json) };
        const options = { unknownFields: "error", skipRules: true } as const;
        const decoded = messages.decodeText(name, input, options);
        assert.deepEqual(decoded.diagnostics, [], `${name} ${input.text}`);
        assert.deepEqual(decoded.message, sample, name);
      }
    });
  }

  it("give the same bytes again", () => {
    for (const name of names) {
      const bytes = messages.encodeBinary(name, sampleOf(name));
      const decoded = messages.decodeBinary(name, bytes);
      assert.deepEqual(messages.encodeBinary(name, decoded.message), bytes, name);
    }
  });
});
