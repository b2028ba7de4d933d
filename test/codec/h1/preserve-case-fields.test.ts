import assert from "node:assert/strict";
import { test } from "node:test";
import { reportPreserveCase } from "../../../src/codec/h1/preserve-case-fields.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";

test("fields of the header formatter that peers would notice are refused", () => {
  const context = new CompileContext();
  const formatterTypeOnEnvoyHeaders = "PROPER_CASE" as const;
  reportPreserveCase({ forwardReasonPhrase: true, formatterTypeOnEnvoyHeaders }, context);
  assert.deepEqual(
    context.diagnostics.map(({ severity, path }) => `${severity} ${path}`),
    ["error forward_reason_phrase", "error formatter_type_on_envoy_headers"],
  );
});

test("the formatter's defaults are what is done", () => {
  const context = new CompileContext();
  reportPreserveCase({ formatterTypeOnEnvoyHeaders: "DEFAULT" }, context);
  assert.deepEqual(context.diagnostics, []);
});
