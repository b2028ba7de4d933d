import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { foreignDocument } from "../../src/proto/foreign-document.ts";
import { SourceText } from "../../src/proto/source-node.ts";

const foreign = (text: string): string => foreignDocument(new SourceText("f", text))?.message ?? "";

describe("a foreign document", () => {
  it("is one with apiVersion and kind at its top", () => {
    assert.match(foreign("apiVersion: v1\nkind: Pod\n"), /Kubernetes \(Pod of v1\)/);
    assert.match(foreign('kind: "Gateway"\napiVersion: "networking.istio.io/v1"\n'), /Istio/);
  });

  it("is not one that has them elsewhere, or one of them", () => {
    assert.equal(foreign("kind: Pod\n"), "");
    assert.equal(foreign("node:\n  apiVersion: v1\n  kind: Pod\n"), "");
  });
});
