import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkBenches,
  checkExtensions,
  checkOrphans,
  checkSuites,
  checkTests,
} from "./check-twins.ts";
import { makeTree } from "./source-tree.ts";

const LOGIC = "export function f(): void {\n  g();\n}\n";

describe("checkTests", () => {
  it("asks for a test of a file with logic, by its path", () => {
    const problems = checkTests(makeTree({ "src/http/a.ts": LOGIC }), {});
    assert.match(problems[0]!, /^src\/http\/a\.ts has no test: write test\/http\/a\.test\.ts /);
  });

  it("accepts a mirrored test, a test that imports the file, or a suite", () => {
    const tree = makeTree({
      "src/http/a.ts": LOGIC,
      "test/http/a.test.ts": "",
      "src/http/b.ts": `import { f } from "./part.ts";\n${LOGIC}`,
      "test/http/both.test.ts": `import { f } from "../../src/http/b.ts";`,
      "src/extensions/http-filters/cors/config.ts": LOGIC,
      "test/extensions/http-filters/cors.test.ts": "",
      "src/http/part.ts": LOGIC,
      "src/http/c.ts": LOGIC,
      "test/integration/c.test.ts": "",
    });
    assert.deepEqual(checkTests(tree, { "src/http/c.ts": "test/integration/" }), []);
  });

  it("asks nothing of interfaces and constants", () => {
    const tree = makeTree({ "src/http/a.ts": "export interface A { f(): void }\nconst b = [1];" });
    assert.deepEqual(checkTests(tree, {}), []);
  });

  it("tells when a suite entry points nowhere", () => {
    const tree = makeTree({ "src/http/a.ts": LOGIC });
    const problems = checkSuites(tree, {
      "src/http/gone.ts": "test/integration/",
      "src/http/": "test/none/",
    });
    assert.equal(problems.filter((problem) => problem.includes("is gone")).length, 1);
    assert.equal(problems.filter((problem) => problem.includes("no such suite")).length, 2);
  });
});

describe("checkBenches", () => {
  const hot = (how: string): string => `// hot: ${how}\n${LOGIC}`;

  it("asks for the bench of a hot file", () => {
    const problems = checkBenches(makeTree({ "src/codec/h1/p.ts": hot("per byte") }));
    assert.match(problems.join(), /write bench\/micro\/codec\/h1\/p\.bench\.ts$/);
  });

  it("accepts the mirrored bench and one that imports the file", () => {
    const tree = makeTree({
      "src/codec/p.ts": hot("per byte"),
      "bench/micro/codec/p.bench.ts": "",
      "src/codec/q.ts": hot("per request"),
      "bench/micro/codec/r.bench.ts": `import { f } from "../../../src/codec/q.ts";`,
    });
    assert.deepEqual(checkBenches(tree), []);
  });

  it("accepts a scenario that runs the whole folder", () => {
    const scenarios = { "src/codec/": "bench/micro/server/request.bench.ts" };
    const files = { "src/codec/p.ts": hot("per byte") };
    assert.equal(checkBenches(makeTree(files), scenarios).length, 1);
    const withBench = { ...files, "bench/micro/server/request.bench.ts": "" };
    assert.deepEqual(checkBenches(makeTree(withBench), scenarios), []);
  });

  it("asks how often", () => {
    const tree = makeTree({
      "src/codec/p.ts": hot("very"),
      "bench/micro/codec/p.bench.ts": "",
    });
    assert.match(checkBenches(tree).join(), /say how often/);
  });
});

describe("checkExtensions", () => {
  const filter = `export const NAME = "envoy.filters.http.cors";\n${LOGIC}`;

  it("asks for the catalogue line, the test and the example", () => {
    const tree = makeTree({ "src/extensions/http-filters/cors/cors.ts": filter });
    const problems = checkExtensions(tree);
    assert.equal(problems.length, 3);
    assert.match(problems[0]!, /add its line to src\/extensions\/http-filters\/catalogue\.ts/);
    assert.match(problems[1]!, /write test\/extensions\/http-filters\/cors\.test\.ts/);
    assert.match(problems[2]!, /add examples\/cors\/envoy\.yaml/);
  });

  it("accepts an extension that is all there, its example under any name", () => {
    const tree = makeTree({
      "src/extensions/http-filters/cors/cors.ts": filter,
      "src/extensions/http-filters/catalogue.ts": `import { f } from "./cors/cors.ts";`,
      "test/extensions/http-filters/cors.test.ts": "",
      "examples/browsers/envoy.yaml": "- name: envoy.filters.http.cors",
    });
    assert.deepEqual(checkExtensions(tree), []);
  });

  it("asks nothing of extensions/common", () => {
    assert.deepEqual(checkExtensions(makeTree({ "src/extensions/common/x/y.ts": LOGIC })), []);
  });
});

describe("checkOrphans", () => {
  it("names a file that nothing in src uses, tests or not", () => {
    const tree = makeTree({
      "src/main.ts": `import { f } from "./cli/run.ts";`,
      "src/cli/run.ts": LOGIC,
      "src/cli/lost.ts": LOGIC,
      "test/cli/lost.test.ts": `import { f } from "../../src/cli/lost.ts";`,
    });
    assert.deepEqual(checkOrphans(tree), [
      "src/cli/lost.ts is used by nothing in src: wire it in or delete it",
    ]);
  });
});
