import assert from "node:assert/strict";
import { it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { compileTokenBucket } from "../../../src/extensions/common/token-bucket.ts";

const second = { seconds: 1, nanos: 0 };

it("one token comes per interval unless more are said", () => {
  const compiled = compileTokenBucket({ maxTokens: 5, fillInterval: second }, new CompileContext());
  assert.deepEqual(compiled, { maxTokens: 5, tokensPerFill: 1, fillIntervalMs: 1000 });
});

it("what is missing or too short is refused at its place", () => {
  const context = new CompileContext("token_bucket");
  const short = { seconds: 0, nanos: 49_000_000 };
  assert.equal(compileTokenBucket(undefined, context), null);
  assert.equal(compileTokenBucket({ fillInterval: second }, context), null);
  assert.equal(compileTokenBucket({ maxTokens: 1, fillInterval: short }, context), null);
  assert.deepEqual(
    context.diagnostics.map(({ path }) => path),
    ["token_bucket.max_tokens", "token_bucket.max_tokens", "token_bucket.fill_interval"],
  );
});
