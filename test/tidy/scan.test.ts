import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { functionSizes } from "./functions.ts";
import { blankLiterals } from "./scan.ts";

const names = (code: string): string[] => functionSizes(blankLiterals(code)).map((f) => f.name);

describe("blankLiterals", () => {
  it("keeps code, lines and length, and blanks what is not code", () => {
    const text = "const a = 'x{y'; // setTimeout\nconst b = 1; /* throw\n */ b;";
    const code = blankLiterals(text);
    assert.equal(code.length, text.length);
    assert.equal(code.split("\n").length, 3);
    assert.match(code, /^const a = ' {3}';\s+\nconst b = 1;\s+\n\s+b;$/);
  });

  it("keeps the code inside templates, nested ones too", () => {
    const code = blankLiterals("f(`throw ${ a ? `await ${b.c}` : {d: 1}.d } async`); g();");
    assert.doesNotMatch(code, /throw|await|async/);
    assert.match(code, /b\.c/);
    assert.match(code, /\{d: 1\}\.d/);
    assert.match(code, /g\(\);$/);
  });

  it("tells a regular expression from a division", () => {
    assert.match(blankLiterals("x = a / b; // c\ny = d / e;"), /a \/ b;\s+\ny = d \/ e;/);
    assert.doesNotMatch(blankLiterals("if (/[/'{]\\/throw/.test(x)) y();"), /throw|'|\{/);
    assert.match(blankLiterals("return /'/.test(x) && done();"), /done\(\);$/);
  });
});

describe("functionSizes", () => {
  it("finds functions, methods, arrows and accessors by name", () => {
    const code = `
export function one(a: { b: number }): { c: number } {
  return { c: a.b };
}
class K extends Base {
  field = { x: 1 };
  constructor(private readonly p: string) {
    super();
  }
  async two<T>(x: Map<string, T>): Promise<T | null> {
    if (x) { return null; } else { return null; }
  }
  get three(): number {
    return 3;
  }
}
const four = (a: number): number => {
  return a;
};
list.map((x) => {
  return x;
});
`;
    assert.deepEqual(names(code), ["one", "constructor", "two", "three", "four", "(arrow)"]);
  });

  it("takes no block, class, interface or object literal for a function", () => {
    const code = `
interface I { m(): void; n: { o: number } }
type T = { p: () => void };
if (a()) { b(); } else if (c()) { d(); } else { e(); }
for (const x of y()) { z(); }
while (w()) { v(); }
try { u(); } catch (error) { t(); } finally { s(); }
switch (r()) { case 1: { q(); } }
const o = { k: f(), l: [g()] };
`;
    assert.deepEqual(names(code), []);
  });

  it("counts lines from the head to the closing brace", () => {
    const [size] = functionSizes("\nfunction f(\n  a: number,\n): number {\n  return a;\n}\n");
    assert.deepEqual(size, { name: "f", line: 2, lines: 5 });
  });
});
