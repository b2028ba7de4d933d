import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blankLiterals } from "./scan.ts";
import { wrapComments } from "./wrap-comments.ts";

const wrap = (text: string): string[] => wrapComments(text, blankLiterals(text)).split("\n");
const words = (count: number): string => "word ".repeat(count).trim();

describe("wrapComments", () => {
  it("lets long prose flow into the next line of its paragraph", () => {
    const lines = wrap(`// ${words(25)}\n// goes on.\n\n// Another.`);
    assert.equal(lines[0], `// ${words(19)}`);
    assert.equal(lines[1], `// ${words(6)} goes on.`);
    assert.deepEqual(lines.slice(2), ["", "// Another."]);
  });

  it("opens a one-line block, and keeps its indentation", () => {
    const lines = wrap(`class A {\n  /** ${words(25)} */\n  b = 1;\n}`);
    assert.deepEqual(lines.slice(0, 6), [
      "class A {",
      "  /**",
      `   * ${words(19)}`,
      `   * ${words(6)}`,
      "   */",
      "  b = 1;",
    ]);
  });

  it("does not flow into lists, and indents what a list item continues", () => {
    const lines = wrap(`/**\n * - ${words(25)}\n * - next\n */`);
    assert.equal(lines[2], ` *   ${words(6)}`);
    assert.equal(lines[3], " * - next");
  });

  it("moves a trailing comment above its line", () => {
    const lines = wrap(`  const a = 1; // ${words(20)}`);
    assert.deepEqual(lines, [`  // ${words(19)}`, "  // word", "  const a = 1;"]);
  });

  it("leaves code, strings, tables and single long words alone", () => {
    const kept = [
      `const a = "// ${words(25)}";`,
      `/*\n * | ${words(25)} |\n */`,
      `// ${"x".repeat(120)}`,
    ].join("\n");
    assert.equal(wrapComments(kept, blankLiterals(kept)), kept);
  });
});
