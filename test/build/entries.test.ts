import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outputName, rewriteAddresses } from "../../build/entries.ts";

const address = (path: string): string => `new URL("${path}", import.meta.${"url"})`;

describe("rewriteAddresses", () => {
  it("makes an entry of a TypeScript file and an asset of another file", () => {
    const text = `const a = ${address("./config-child.ts")}; b(${address("../proto/x.json")});`;
    const found = rewriteAddresses("/p/src/server/server.ts", text);
    assert.deepEqual(found.entries, ["/p/src/server/config-child.ts"]);
    assert.deepEqual(found.assets, ["/p/src/proto/x.json"]);
    assert.equal(
      found.text,
      `const a = ${address("./config-child.js")}; b(${address("./x.json")});`,
    );
  });

  it("leaves folders and other addresses alone", () => {
    const text = `${address("..")}${address("./folder/")}${address("node:fs")}`;
    const found = rewriteAddresses("/p/src/a/b.ts", text);
    assert.deepEqual(found, { entries: [], assets: [], text });
  });

  it("names the product after itself and the others after their file", () => {
    assert.equal(outputName("/p/src/main.ts"), "outrigger.js");
    assert.equal(outputName("/p/src/server/config-child.ts"), "config-child.js");
    assert.equal(outputName("/p/src/proto/generated/descriptor.json"), "descriptor.json");
  });
});
