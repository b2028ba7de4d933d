import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamedList, streamJson } from "../../../src/server/admin/json-stream.ts";

async function pieces(value: unknown): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of streamJson(value)) all.push(piece);
  return all;
}

async function* slowly<Item>(...items: Item[]): AsyncGenerator<Item> {
  for (const item of items) yield item;
}

describe("streamed JSON", () => {
  const values: readonly unknown[] = [
    {},
    [],
    null,
    "text\n\u2028",
    { a: 1, b: [1, [], {}, { c: null }], 'quoted"': "\\" },
    [[[]]],
  ];
  for (const value of values) {
    it(`prints ${JSON.stringify(value)} as JSON.stringify does with one space`, async () => {
      assert.equal((await pieces(value)).join(""), `${JSON.stringify(value, null, 1)}\n`);
    });
  }

  it("prints lists that are made while they are written", async () => {
    const inner = { name: "x", items: new StreamedList([1, { y: 2 }]) };
    const streamed = { before: 1, list: new StreamedList(slowly<unknown>(inner, "z")), after: 2 };
    const whole = { before: 1, list: [{ name: "x", items: [1, { y: 2 }] }, "z"], after: 2 };
    assert.equal((await pieces(streamed)).join(""), `${JSON.stringify(whole, null, 1)}\n`);
  });

  it("leaves empty lists out", async () => {
    const value = { a: new StreamedList([]), b: 1, c: new StreamedList(slowly()) };
    assert.equal((await pieces(value)).join(""), `${JSON.stringify({ b: 1 }, null, 1)}\n`);
    assert.equal((await pieces({ a: new StreamedList([]) })).join(""), "{}\n");
  });

  it("comes in pieces of bounded size", async () => {
    const long = {
      list: new StreamedList(Array.from({ length: 5000 }, (_, i) => ({ i, t: "x".repeat(20) }))),
    };
    const all = await pieces(long);
    assert.ok(all.length > 10);
    assert.ok(all.every((piece) => piece.length < 20_000));
  });
});
