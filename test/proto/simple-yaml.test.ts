// The quick YAML parser: what it accepts it reads exactly as the complete parser does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSimpleYaml } from "../../src/proto/simple-yaml.ts";
import { SourceText } from "../../src/proto/source-node.ts";
import { SourceParser } from "../../src/proto/source-parser.ts";
import { parseYaml } from "../../src/proto/yaml-source.ts";
import { SeededRandom } from "../kit/seeded-random.ts";

const TEXTS = [
  `# a bootstrap
static_resources:
  listeners:
  - name: main
    address:
      socket_address: { address: 0.0.0.0, port_value: 10000 }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.x.v3.HttpConnectionManager # not a comment: #x
          stat_prefix: 'it''s'
          domains: ["*", 'a', b, 1.5]
          match: {prefix: "/"}
  clusters:

  - name: c1
    connect_timeout: 0.25s
    metadata: { filter_metadata: { x: { a: 1, b: [true, "s", 1.5, null] } } }
`,
  `a: 1
b:
- x
- y: 1
  z: 2
-
  w: -5
- - p
  - q
- {a: [1, 2, {b: c}], "d": "e\\n\\u00e9"}
c: # note
  d: {x: 4,
   y: -5}
e: text with # hash#in
f: "q" # c
`,
  `---
# c

list:
  - a: b
    c:
    - 1
    -
  - [ ]
  - {}
k: http://x:80/a#b
'q k': ~
`,
];

const PIECES = [
  ..." |\n|  |- |: |#| #|,|{|}|[|]|'|\"|a|-|---\n|...|?|&a |*a|>|!|%|~|1|:|\\|\n\n|@|`|é|x: y|- - ".split(
    "|",
  ),
  "|",
];

/** Some lines of a text, shifted to the left or not, with a few edits. */
function mutated(text: string, random: SeededRandom): string {
  const lines = text.split("\n");
  const first = random.below(lines.length);
  const part = lines.slice(first, first + 1 + random.below(8));
  const indent = " ".repeat(/^ */.exec(part[0] ?? "")?.[0].length ?? 0);
  const shifted = random.chance(0.5)
    ? part.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    : part;
  let result = shifted.join("\n") + (random.chance(0.7) ? "\n" : "");
  for (let edits = random.below(4); edits > 0; edits--) {
    const at = random.below(result.length + 1);
    const added = random.chance(0.75) ? random.pick(PIECES) : "";
    result = result.slice(0, at) + added + result.slice(at + random.below(3));
  }
  return result;
}

describe("the quick YAML parser", () => {
  it("accepts configurations as they are written", () => {
    for (const text of TEXTS) {
      const quick = parseSimpleYaml(text);
      assert.notEqual(quick, null);
      assert.deepEqual(quick, parseYaml(new SourceText("a.yaml", text)).root);
    }
  });

  it("gives the same nodes and places as the complete parser, or declines", () => {
    const random = new SeededRandom();
    let accepted = 0;
    for (let round = 0; round < 6000; round++) {
      const text = mutated(random.pick(TEXTS), random);
      const quick = parseSimpleYaml(text);
      if (quick === null) continue;
      accepted++;
      const complete = parseYaml(new SourceText("a.yaml", text)).root;
      assert.deepEqual(quick, complete, `seed ${random.seed} round ${round}: ${text}`);
    }
    assert.ok(accepted > 600, `only ${accepted} accepted`);
  });

  const declined: readonly [what: string, text: string][] = [
    ["nothing", ""],
    ["anchors", "a: &x 1\n"],
    ["aliases", "a: *x\n"],
    ["tags", "a: !!str 1\n"],
    ["block scalars", "a: |\n  x\n"],
    ["scalars on two lines", "a: x\n  y\n"],
    ["tabs", "a:\tb\n"],
    ["CRLF", "a: b\r\n"],
    ["duplicate keys", "a: b\na: c\n"],
    ["duplicate keys in braces", "{a: b, a: c}"],
    ["a second document", "a: b\n---\nc: d\n"],
    ["directives", "%YAML 1.2\n---\na: b\n"],
    ["a lone word", "hello\n"],
    ["bad indentation", "a:\n  b: c\n d: e\n"],
    ["an open brace", "a: {b: c\n"],
    ["a merge key", "a:\n  <<: b\n"],
    ["endless nesting", "[".repeat(1000)],
  ];
  for (const [what, text] of declined) {
    it(`leaves ${what} to the complete parser`, () => assert.equal(parseSimpleYaml(text), null));
  }
});

describe("choosing a parser", () => {
  it("loads the complete one only when it is needed", async () => {
    const parser = new SourceParser();
    assert.deepEqual(parser.parse(new SourceText("a.yaml", "a: 1\n")).diagnostics, []);
    const anchored = new SourceText("a.yaml", "a: &x 1\n");
    assert.throws(() => parser.parse(anchored), /not loaded/);
    await parser.loadCompleteYaml();
    assert.deepEqual(parser.parse(anchored).diagnostics, []);
  });
});
