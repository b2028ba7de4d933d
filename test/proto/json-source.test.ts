// JSON with positions: everything JSON.parse reads is read alike, and errors have a place.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseJson } from "../../src/proto/json-source.ts";
import { type SourceNode, SourceText } from "../../src/proto/source-node.ts";
import { SourceParser } from "../../src/proto/source-parser.ts";
import { SeededRandom } from "../kit/seeded-random.ts";

const parser = new SourceParser();
await parser.loadCompleteYaml();

function plainOf(node: SourceNode | null): unknown {
  if (node === null) return undefined;
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainOf);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plainOf(entry.value)]));
}

function error(text: string): string {
  const parsed = parseJson(new SourceText("a.json", text), "json");
  assert.equal(parsed.root, null);
  return parsed.diagnostics
    .map(({ source, message }) => `${source?.line}:${source?.column} ${message}`)
    .join("; ");
}

const SAMPLES = [
  "{}",
  "[]",
  ' { "a" : [ 1 , -2.5e3 , 0, true , false , null ] , "b" : { } } ',
  '"\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/\\b\\f\\r\\t"',
  '{"": {"a.b": [[["x"]]]}}',
  "-0",
  "1E+2",
];

describe("JSON texts", () => {
  for (const text of SAMPLES) {
    it(`${text} gives what JSON.parse gives`, () => {
      const parsed = parseJson(new SourceText("a.json", text), "json");
      assert.deepEqual(parsed.diagnostics, []);
      assert.deepEqual(plainOf(parsed.root), JSON.parse(text));
    });
  }

  it("numbers in a YAML file are typed as YAML", () => {
    const text = '{"a": [1, 1.5, 3000000000]}';
    const yaml = parser.parse(new SourceText("a.yaml", text));
    assert.deepEqual(plainOf(yaml.root), { a: [1, "1.5", "3000000000"] });
    const json = parser.parse(new SourceText("a.json", text));
    assert.deepEqual(plainOf(json.root), { a: [1, 1.5, 3000000000] });
  });

  it("YAML that begins like JSON is still YAML", () => {
    const parsed = parser.parse(new SourceText("a.yaml", '{"a": b, c: [d], }'));
    assert.deepEqual(plainOf(parsed.root), { a: "b", c: ["d"] });
  });

  it("blanks alone are empty without a problem", () => {
    assert.deepEqual(parseJson(new SourceText("a.json", " \n"), "json"), {
      root: null,
      diagnostics: [],
    });
  });
});

describe("JSON errors", () => {
  const cases: [string, string][] = [
    ['{\n "a": 1,\n "a": 2}', '3:2 Key "a" is already set in line 2'],
    ["{a: 1}", '1:2 Expected a key in double quotes, or "}"'],
    ['{"a" 1}', '1:6 Expected ":" after the key "a"'],
    ['{"a": 1 "b": 2}', '1:9 Expected "," or "}"'],
    ["[1, 2,]", "1:7 A comma before the end"],
    ["[1", '1:3 Expected "," or "]"'],
    ['{"a": ', "1:7 The text ends too early"],
    ['{"a": nul}', "1:7 Expected a value"],
    ['"abc', "1:5 String is not closed"],
    ['"a\nb"', "1:3 String is not closed"],
    ['"\\x"', "1:2 Unknown escape in a string"],
    ['"\\u12"', "1:2 Unknown escape in a string"],
    ["{} {}", "1:4 Text after the end of the document"],
    ["01", "1:2 Text after the end of the document"],
    ["[".repeat(600), "1:501 Values are nested too deeply"],
  ];
  for (const [text, expected] of cases) {
    it(`${text.slice(0, 20)}: ${expected}`, () => assert.equal(error(text), expected));
  }

  it("random edits are accepted and refused as JSON.parse does", () => {
    const random = new SeededRandom();
    const letters = '{}[]",:\\ue19.-+trufalsn \n';
    for (let round = 0; round < 5000; round++) {
      const sample = random.pick(SAMPLES);
      const at = random.below(sample.length + 1);
      const text =
        sample.slice(0, at) + random.pick([...letters]) + sample.slice(at + random.below(2));
      const parsed = parseJson(new SourceText("a.json", text), "json");
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        expected = undefined;
      }
      const duplicate = parsed.diagnostics.some(({ message }) => message.includes("already set"));
      if (!duplicate)
        assert.deepEqual(plainOf(parsed.root), expected, `seed ${random.seed}: ${text}`);
    }
  });
});
