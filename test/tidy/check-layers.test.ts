import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkCycles,
  checkExtensionImports,
  checkLayers,
  checkPackageHomes,
  checkSpecialRooms,
} from "./check-layers.ts";
import { LAYERS } from "./layers.ts";
import { makeTree } from "./source-tree.ts";

const importing = (path: string): string => `// x\nimport { x } from "${path}";\n`;

describe("checkLayers", () => {
  it("accepts imports downwards and inside a folder", () => {
    const tree = makeTree({
      "src/http/a.ts": importing("../codec/b.ts") + importing("./c.ts"),
      "src/main.ts": importing("./cli/run.ts"),
    });
    assert.deepEqual(checkLayers(tree), []);
  });

  it("names both layers when an import goes upwards, also for types only", () => {
    const tree = makeTree({ "src/codec/a.ts": `import type { X } from "../http/b.ts";` });
    assert.match(checkLayers(tree)[0]!, /^src\/codec\/a\.ts:1 .*codec \(5\) and http \(7\)/);
  });

  it("refuses siblings", () => {
    const tree = makeTree({ "src/route/a.ts": importing("../upstream/host.ts") });
    assert.match(checkLayers(tree)[0]!, /route \(6\) and upstream \(6\) are siblings/);
  });

  it("keeps pure folders pure", () => {
    const tree = makeTree({
      "src/route/a.ts": importing("../network/b.ts"),
      "src/istio/a.ts": importing("../stats/b.ts") + importing("../config/c.ts"),
    });
    assert.deepEqual(
      checkLayers(tree).map((problem) => problem.split(" imports ")[0]),
      ["src/istio/a.ts:2", "src/route/a.ts:2"],
    );
  });

  it("lets a pure folder see the types of files that are data", () => {
    const tree = makeTree({
      "src/route/a.ts": `import type { S } from "../network/stream-info.ts";`,
      "src/route/b.ts": importing("../network/stream-info.ts"),
    });
    assert.match(checkLayers(tree).join(), /^src\/route\/b\.ts:2 [^,]*,? [^/]*$/);
  });

  it("refuses tests and benches in src, and folders outside the table", () => {
    const tree = makeTree({
      "src/http/a.ts": importing("../../test/kit/b.ts"),
      "src/magic/a.ts": importing("../base/b.ts"),
    });
    const [test, magic] = checkLayers(tree);
    assert.match(test!, /src must not know test/);
    assert.match(magic!, /src\/magic\/a\.ts is in no layer/);
  });

  it("sees re-exports and dynamic imports", () => {
    const tree = makeTree({
      "src/base/a.ts": `export { x } from "../http/b.ts";\nvoid import("../cli/c.ts");`,
    });
    assert.equal(checkLayers(tree).length, 2);
  });

  it("lists each folder once, lower layers first", () => {
    const folders = LAYERS.map((layer) => layer.folder);
    assert.equal(new Set(folders).size, folders.length);
    const numbers = LAYERS.map((layer) => layer.number);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
  });
});

describe("checkSpecialRooms", () => {
  it("lets only entries bind the Node platform", () => {
    const tree = makeTree({
      "src/main.ts": importing("./platform/node/time.ts"),
      "src/platform/node/a.ts": importing("./time.ts"),
      "src/server/a.ts": importing("../platform/node/time.ts"),
    });
    assert.match(checkSpecialRooms(tree).join(), /^src\/server\/a\.ts:2 .*by constructor$/);
  });

  it("lets only server and cli see the catalogue", () => {
    const tree = makeTree({
      "src/server/a.ts": importing("../extensions/catalogue.ts"),
      "src/agent/a.ts": importing("../extensions/catalogue.ts"),
    });
    assert.match(checkSpecialRooms(tree).join(), /^src\/agent\/a\.ts:2 [^,]*$/);
  });
});

describe("checkExtensionImports", () => {
  it("refuses another extension's folder and the catalogue, accepts common", () => {
    const tree = makeTree({
      "src/extensions/http-filters/cors/cors.ts":
        importing("../csrf/csrf.ts") +
        importing("../../common/percent.ts") +
        importing("../catalogue.ts") +
        importing("./config.ts"),
      "src/extensions/http-filters/catalogue.ts": importing("./cors/cors.ts"),
    });
    const problems = checkExtensionImports(tree);
    assert.equal(problems.length, 2);
    assert.match(problems[0]!, /move the shared part/);
    assert.match(problems[1]!, /does not know the catalogue/);
  });
});

describe("checkPackageHomes", () => {
  it("keeps a package at home and refuses one without a home", () => {
    const tree = makeTree({
      "src/proto/a.ts": importing("yaml"),
      "src/http/a.ts": importing("yaml"),
      "src/http/b.ts": importing("@some/where/deep"),
    });
    const problems = checkPackageHomes(tree);
    assert.match(problems[0]!, /^src\/http\/a\.ts:2 imports yaml: yaml is imported only in/);
    assert.match(problems[1]!, /package @some\/where has no home/);
    assert.equal(problems.length, 2);
  });
});

describe("checkCycles", () => {
  it("prints the whole circle", () => {
    const tree = makeTree({
      "src/http/a.ts": importing("./b.ts"),
      "src/http/b.ts": importing("./c.ts"),
      "src/http/c.ts": importing("./a.ts"),
    });
    assert.match(
      checkCycles(tree)[0]!,
      /a\.ts → src\/http\/b\.ts → src\/http\/c\.ts → src\/http\/a/,
    );
  });

  it("accepts a circle of types only", () => {
    const tree = makeTree({
      "src/http/a.ts": importing("./b.ts"),
      "src/http/b.ts": `import type { A } from "./a.ts";`,
    });
    assert.deepEqual(checkCycles(tree), []);
  });
});
