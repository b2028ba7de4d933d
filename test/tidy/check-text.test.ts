import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkSizes, type Oversize, oversize } from "./check-sizes.ts";
import {
  checkFolders,
  checkHeaders,
  checkLineLength,
  checkMachinePaths,
  checkNames,
  checkTodos,
} from "./check-text.ts";
import { makeTree } from "./source-tree.ts";
import { checkDependencyReasons, checkSupportTable, checkTour, renderLayers } from "./tour.ts";

describe("checkNames", () => {
  it("refuses catch-all names and other cases, accepts extensions/common", () => {
    const tree = makeTree({
      "src/base/utils.ts": "",
      "src/base/helpers/list.ts": "",
      "src/http/index.ts": "",
      "src/http/StreamInfo.ts": "",
      "src/extensions/common/percent.ts": "",
      "src/http/stream-info.ts": "",
      "test/http/stream-info.test.ts": "",
    });
    const named = checkNames(tree).map((problem) => problem.split(":")[0]);
    assert.deepEqual(named, [
      "src/base/helpers/list.ts",
      "src/base/utils.ts",
      "src/http/StreamInfo.ts",
      "src/http/index.ts",
    ]);
  });

  it("refuses folders under src that are no layer", () => {
    assert.match(checkFolders(makeTree({ "src/magic/a.ts": "" }))[0]!, /src\/magic\/ is no layer/);
  });
});

describe("text", () => {
  it("asks for a header, after a hot mark too", () => {
    const tree = makeTree({
      "src/base/a.ts": "export const a = 1;",
      "src/base/b.ts": "// hot: per byte\nexport const a = 1;",
      "src/base/c.ts": "// hot: per byte\n/** What it is. */\nexport const a = 1;",
      "src/main.ts": "#!/usr/bin/env node\n// The executable.\n",
    });
    assert.deepEqual(
      checkHeaders(tree).map((problem) => problem.split(":")[0]),
      ["src/base/a.ts", "src/base/b.ts"],
    );
  });

  it("measures lines, and excuses addresses and long literals", () => {
    const long = "x".repeat(101);
    const tree = makeTree({
      "src/base/a.ts": `// ${long}`,
      "src/base/b.ts": `const a = "${long}";`,
      "src/base/c.ts": `// https://example.com/${long}`,
    });
    assert.deepEqual(checkLineLength(tree), [
      "src/base/a.ts:1 is 104 columns wide: npm run format, or break it",
    ]);
  });

  it("wants an issue for each TODO", () => {
    const tree = makeTree({ "src/base/a.ts": "// TODO later\n// TODO(#12) later\n" });
    assert.equal(checkTodos(tree).length, 1);
  });

  it("refuses paths of one machine and registry hosts", () => {
    // In pieces, so that this file does not name what it refuses.
    const home = ["", "home", "me"].join("/");
    const root = ["", "root", "x"].join("/");
    const registry = ["registry", "npmjs", "org"].join(".");
    const tree = makeTree({
      "README.md": `see ${home}\nsee https://example.com${home} and \${base}${root}`,
      "src/base/a.ts": `const a = "https://${registry}/x";`,
    });
    assert.equal(checkMachinePaths(tree).length, 2);
  });
});

describe("checkSizes", () => {
  const none: Oversize = { fileLines: {}, functionLines: {}, imports: {} };
  const file = (lines: number): string => "a;\n".repeat(lines);
  const listed = (size: number): Oversize => ({ ...none, fileLines: { "src/base/a.ts": size } });

  it("refuses a new file over budget", () => {
    const problems = checkSizes(makeTree({ "src/base/a.ts": file(501) }), none);
    assert.match(problems.join(), /^src\/base\/a\.ts: fileLines is 501, over 500: split/);
  });

  it("turns one way only", () => {
    const tree = makeTree({ "src/base/a.ts": file(600) });
    assert.deepEqual(checkSizes(tree, listed(600)), []);
    assert.match(checkSizes(tree, listed(599)).join(), /grew from 599 to 600/);
    assert.match(checkSizes(tree, listed(601)).join(), /write 600 into oversize\.json/);
    assert.match(checkSizes(makeTree({}), listed(600)).join(), /drop it from oversize\.json/);
  });

  it("measures functions and imports", () => {
    const tree = makeTree({
      "src/base/a.ts": `function f(): void {\n${"x();\n".repeat(60)}}`,
      "src/base/b.ts": `import { a } from "./a.ts";\n`.repeat(21),
    });
    const found = oversize(tree);
    assert.deepEqual(found.functionLines, { "src/base/a.ts f": 62 });
    assert.deepEqual(found.imports, { "src/base/b.ts": 21 });
  });
});

describe("the tour", () => {
  const tour = (picture: string): string =>
    `<!-- layers -->\n\`\`\`\n${picture}\`\`\`\n<!-- /layers -->\n`;

  it("shows the table exactly", () => {
    assert.deepEqual(checkTour(makeTree({ "src/README.md": tour(renderLayers()) })), []);
    assert.equal(checkTour(makeTree({ "src/README.md": tour("other\n") })).length, 1);
    assert.equal(checkTour(makeTree({})).length, 1);
  });

  it("wants the README to list the filters that are built, and no others", () => {
    const tree = makeTree({
      "README.md": "| network filters | `tcp_proxy`, `echo` | yes |\n",
      "src/extensions/network-filters/tcp-proxy/tcp-proxy.ts": "",
      "src/extensions/network-filters/sni-cluster/sni-cluster.ts": "",
    });
    const problems = checkSupportTable(tree);
    assert.match(problems[0]!, /lacks `sni_cluster`/);
    assert.match(problems[1]!, /names `echo`, which is not built/);
    assert.equal(problems.length, 2);
  });

  it("wants a reason for each dependency", () => {
    const tree = makeTree({
      "package.json": JSON.stringify({ dependencies: { yaml: "1", koffi: "1" } }),
      "src/README.md": "`yaml`: positions.",
    });
    assert.deepEqual(checkDependencyReasons(tree).length, 1);
  });
});
