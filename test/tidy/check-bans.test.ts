import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BANS, type Ban } from "./allowed.ts";
import { checkBans, checkStaleAllowances } from "./check-bans.ts";
import { makeTree } from "./source-tree.ts";

const clock: Ban = {
  what: "reading the clock",
  pattern: /\bDate\.now\b/,
  in: ["src/"],
  homes: ["src/platform/node/"],
  instead: "take a TimeSource",
  allowed: { "src/http/edge.ts": "a reason" },
};

describe("checkBans", () => {
  it("names file, line, word and what to do", () => {
    const tree = makeTree({ "src/http/a.ts": "// x\nconst t = Date.now();\n" });
    assert.deepEqual(checkBans(tree, [clock]), [
      "src/http/a.ts:2 uses Date.now (reading the clock): take a TimeSource",
    ]);
  });

  it("gives one line per file, and counts the rest", () => {
    const tree = makeTree({ "src/http/a.ts": "Date.now();\nDate.now();\nDate.now();\n" });
    assert.match(
      checkBans(tree, [clock]).join(),
      /^src\/http\/a\.ts:1 uses Date\.now and 2 more \(/,
    );
  });

  it("accepts the home, the listed file, comments and strings", () => {
    const tree = makeTree({
      "src/platform/node/time.ts": "Date.now();",
      "src/http/edge.ts": "Date.now();",
      "src/http/b.ts": "// Date.now\nconst s = 'Date.now';",
      "test/http/b.test.ts": "Date.now();",
    });
    assert.deepEqual(checkBans(tree, [clock]), []);
  });

  it("applies hot bans to hot files only", () => {
    const hot: Ban = { ...clock, hotOnly: true };
    const tree = makeTree({
      "src/http/a.ts": "// hot: per request\nDate.now();",
      "src/http/b.ts": "Date.now();",
    });
    assert.equal(checkBans(tree, [hot]).length, 1);
  });

  it("tells when an exception allows nothing any more", () => {
    const used = makeTree({ "src/http/edge.ts": "Date.now();" });
    assert.deepEqual(checkStaleAllowances(used, [clock]), []);
    const clean = makeTree({ "src/http/edge.ts": "const a = 1;" });
    assert.match(checkStaleAllowances(clean, [clock])[0]!, /src\/http\/edge\.ts .*drop the line/);
  });
});

describe("the table of bans", () => {
  const cases: readonly (readonly [code: string, uses: number])[] = [
    ["const d = new Date();", 1],
    ["const d = new Date(ms);", 0],
    ["setTimeout(f, 1);", 1],
    ["timers.setTimeout(f, 1);", 0],
    ["const n = Math.random();", 1],
    ['import { readFile } from "node:fs";', 1],
    ["const p = process.env.X;", 1],
    ["this.process.close();", 0],
    ["console.log(1);", 1],
    ["class A extends EventEmitter {}", 1],
    ["structuredClone(a);", 1],
    ["new RegExp(pattern);", 1],
    ["const x = y as any;", 1],
    ["// @ts-expect-error because", 1],
    ["async function f(): Promise<void> {}", 1],
    ["const asynchronous = 1;", 0],
    ["function f(): Promise<void> { return ready; }", 0],
  ];
  for (const [code, uses] of cases) {
    it(`${uses === 0 ? "accepts" : "refuses"} ${code}`, () => {
      assert.equal(checkBans(makeTree({ "src/http/a.ts": code })).length, uses);
    });
  }

  it("refuses throwing and hidden allocation in hot files only", () => {
    for (const code of ["throw new Error();", "f.bind(this);", "delete a.b;", "Object.keys(a);"]) {
      assert.equal(
        checkBans(makeTree({ "src/http/a.ts": `// hot: per chunk\n${code}` })).length,
        1,
      );
      assert.equal(checkBans(makeTree({ "src/http/a.ts": code })).length, 0);
    }
  });

  it("refuses sleeping in tests", () => {
    const code = `await new Promise((resolve) => set${"Timeout(resolve, 5)"});`;
    assert.equal(checkBans(makeTree({ "test/http/a.test.ts": code })).length, 1);
  });

  it("gives a reason for each exception", () => {
    for (const ban of BANS) {
      for (const [path, reason] of Object.entries(ban.allowed)) assert.ok(reason.length > 10, path);
    }
  });
});
