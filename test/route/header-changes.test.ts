// Changes of headers, compiled from messages and applied in order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { HeaderMutation } from "../../src/proto/generated/envoy/config/common/mutation_rules/v3.ts";
import { compileHeaderChanges } from "../../src/route/header-changes.ts";
import { sampleContext, testFormats } from "../extensions/formatters/format-fixture.ts";
import { headerLines } from "../kit/route-request.ts";

function change(messages: readonly HeaderMutation[]): { lines: string[]; problems: string[] } {
  const compile = new CompileContext("list");
  const changes = compileHeaderChanges("request", messages, testFormats(), compile, "mutations");
  const context = sampleContext({ "x-a": "1", "x-b": "2" });
  const headers = context.requestHeaders!;
  for (const one of changes) one.apply(headers, context);
  return {
    lines: headerLines(headers).filter((line) => line.startsWith("x-")),
    problems: compile.diagnostics.map(({ path, message }) => `${path}: ${message}`),
  };
}

test("each change sees what the ones before it did", () => {
  const { lines, problems } = change([
    { append: { header: { key: "x-c", value: "%REQ(x-a)%" } } },
    { remove: "x-a" },
    { append: { header: { key: "x-d", value: "<%REQ(x-a)%%REQ(x-c)%>" } } },
    { removeOnMatch: { keyMatcher: { exact: "x-b" } } },
  ]);
  assert.deepEqual(lines, ["x-c: 1", "x-d: <1>"]);
  assert.deepEqual(problems, []);
});

test("what a message cannot do without stays", () => {
  const { problems } = change([{ remove: ":path" }, { remove: "Host" }, {}]);
  assert.deepEqual(problems, [
    "list.mutations[0].remove: Without :path a message cannot be forwarded",
    "list.mutations[1].remove: Without Host a message cannot be forwarded",
    "list.mutations[2]: The mutation is empty",
  ]);
});
