// What YAML gives before any message type is known: scalars, anchors, syntax errors, duplicate
// keys.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plainValue } from "../../src/proto/plain-scalar.ts";
import { type SourceNode, SourceText } from "../../src/proto/source-node.ts";
import { parseYaml } from "../../src/proto/yaml-source.ts";

function plainOf(node: SourceNode | null): unknown {
  if (node === null) return undefined;
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainOf);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plainOf(entry.value)]));
}

function parse(text: string): unknown {
  const parsed = parseYaml(new SourceText("a.yaml", text));
  assert.deepEqual(parsed.diagnostics, []);
  return plainOf(parsed.root);
}

function error(text: string): string {
  const parsed = parseYaml(new SourceText("a.yaml", text));
  assert.equal(parsed.root, null);
  assert.equal(parsed.diagnostics.length, 1, JSON.stringify(parsed.diagnostics));
  const [{ source, message, remedy }] = parsed.diagnostics as [(typeof parsed.diagnostics)[0]];
  return `${source?.line}:${source?.column} ${message} (${remedy})`;
}

describe("plain scalars", () => {
  const cases: [string, unknown][] = [
    ["", null],
    ["~", null],
    ["Null", null],
    ["nULL", "nULL"],
    ["yes", true],
    ["Off", false],
    ["oFF", "oFF"],
    ["y", true],
    ["nope", "nope"],
    ["12", 12],
    ["-12", -12],
    ["0x1F", 31],
    ["017", 15],
    ["08", "08"],
    ["2147483647", 2147483647],
    ["2147483648", "2147483648"],
    ["0x80000000", "2147483648"],
    ["1.5", "1.5"],
    ["1e3", "1e3"],
    ["12ab", "12ab"],
  ];
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () => {
      assert.equal(plainValue(text), expected);
    });
  }
});

describe("documents", () => {
  it("quoted and block scalars are strings", () => {
    assert.deepEqual(parse("a: \"1\"\nb: 'true'\nc: |\n  5\nd: ! 7\n"), {
      a: "1",
      b: "true",
      c: "5\n",
      d: "7",
    });
  });

  it("JSON is read, with escapes", () => {
    assert.deepEqual(parse('{"a": [1, -2, true, null, "\\u00e9\\n"], "b": {}}'), {
      a: [1, -2, true, null, "é\n"],
      b: {},
    });
  });

  it("a byte order mark, CRLF and a directive are no obstacle", () => {
    assert.deepEqual(parse("\ufeff%YAML 1.2\r\n---\r\na: 1\r\n"), { a: 1 });
  });

  it("nothing but comments is empty without a problem", () => {
    assert.equal(parse("# nothing\n"), undefined);
    assert.equal(parse(""), undefined);
    assert.equal(parse("---\n"), undefined);
  });

  it("anchors, aliases and merge keys are resolved; own keys win", () => {
    const text =
      "base: &b {x: 1, y: 2}\none: *b\ntwo:\n  <<: *b\n  y: 3\nthree: {<<: [*b, {z: 4}]}\n";
    assert.deepEqual(parse(text), {
      base: { x: 1, y: 2 },
      one: { x: 1, y: 2 },
      two: { y: 3, x: 1 },
      three: { x: 1, y: 2, z: 4 },
    });
  });

  it("entries with !ignore only hold anchors", () => {
    assert.deepEqual(parse("!ignore shared: &s 5s\na: *s\n"), { a: "5s" });
  });
});

describe("errors", () => {
  it("a duplicate key names both lines", () => {
    assert.equal(
      error("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"),
      '5:3 Key "c" is already set in line 3 (remove one, or merge the two)',
    );
  });

  it("a second document is refused where it begins", () => {
    assert.equal(error("a: 1\n---\nb: 2\n"), "3:1 A second YAML document begins here (keep one)");
  });

  it("a tab is named", () => {
    assert.equal(
      error("a:\n\tb: 1\n"),
      "2:1 Tabs are not allowed as indentation (indent with spaces)",
    );
  });

  it("one slip gives one diagnostic", () => {
    assert.match(error("a: b: c\n"), /^1:4 Nested mappings are not allowed/);
    assert.match(error("a: {b: 1\nc: 2\n"), /^2:1 Flow map/);
    assert.match(error('a: "unclosed\n'), /^1:4 Missing closing quote \(close the quote/);
    assert.match(error("a:\n  - b\n c: 1\n"), /All mapping items must start at the same column/);
  });

  it("an unknown anchor and one that contains itself are refused", () => {
    assert.match(error("a: *x\n"), /^1:4 .*x/);
    assert.match(error("a: &x {b: *x}\n"), /contains itself/);
  });

  it("a map as key is refused", () => {
    assert.match(error("? {a: b}\n: c\n"), /A map key must be a plain word/);
  });

  it("a merge of something else than a map is refused", () => {
    assert.match(error("a: &x 5\nb: {<<: *x}\n"), /A merge key takes a map/);
  });

  it("endless nesting is refused", () => {
    for (const levels of [600, 3000, 50000]) {
      const text = `a: ${"[".repeat(levels)}${"]".repeat(levels)}`;
      assert.match(error(text), /Values are nested too deeply/, String(levels));
    }
  });

  it("aliases that would expand to millions of values are refused", () => {
    const levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 9; level++) {
      const list = Array.from({ length: 10 }, () => `*a${level - 1}`).join(",");
      levels.push(`a${level}: &a${level} [${list}]`);
    }
    assert.match(error(levels.join("\n")), /Aliases expand to millions of values/);
  });
});

describe("positions", () => {
  it("count lines and columns from 1", () => {
    const source = new SourceText("a.yaml", "ab\ncd\n");
    assert.deepEqual(source.positionOf(0), { file: "a.yaml", line: 1, column: 1 });
    assert.deepEqual(source.positionOf(2), { file: "a.yaml", line: 1, column: 3 });
    assert.deepEqual(source.positionOf(3), { file: "a.yaml", line: 2, column: 1 });
    assert.deepEqual(source.positionOf(6), { file: "a.yaml", line: 3, column: 1 });
    assert.equal(source.positionOf(-1), undefined);
  });
});
