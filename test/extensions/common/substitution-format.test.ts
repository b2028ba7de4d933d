// Substitution formats: the three ways to write one, content types, extensions that are built in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { compileSubstitutionFormat } from "../../../src/extensions/common/substitution-format.ts";
import type { SubstitutionFormatString } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { sampleContext, testFormats } from "../formatters/format-fixture.ts";

function compile(message: SubstitutionFormatString) {
  const context = new CompileContext("format");
  const services = {
    formats: testFormats(),
    readData: (source: { inlineString?: string }) => Buffer.from(source.inlineString ?? ""),
  };
  const format = compileSubstitutionFormat(message, services, context);
  const problems = context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`);
  return { text: format?.formatter.format(sampleContext()), type: format?.contentType, problems };
}

const CASES: readonly (readonly [SubstitutionFormatString, string, string])[] = [
  [{ textFormat: "%PROTOCOL%" }, "HTTP/1.1", "text/plain"],
  [{ textFormatSource: { inlineString: "é %PROTOCOL%" } }, "\u00c3\u00a9 HTTP/1.1", "text/plain"],
  [{ jsonFormat: { a: "%RESPONSE_CODE%" } }, '{"a":200}\n', "application/json"],
  [{ textFormat: "x", contentType: "text/html" }, "x", "text/html"],
  [{ textFormat: "%REQ(none)%", omitEmptyValues: true }, "", "text/plain"],
];

for (const [message, text, type] of CASES) {
  test(`${JSON.stringify(message)} gives ${type}`, () => {
    assert.deepEqual(compile(message), { text, type, problems: [] });
  });
}

test("commands of known formatter extensions are built in", () => {
  const typeUrl =
    "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery";
  const formatters = [{ name: "f", typedConfig: { typeUrl, value: {} } }];
  const compiled = compile({ textFormat: "%REQ_WITHOUT_QUERY(:PATH)%", formatters });
  assert.deepEqual(compiled, { text: "/shop", type: "text/plain", problems: [] });
});

test("a format is needed", () => {
  assert.deepEqual(compile({}).problems, ["format: No format is given"]);
});

test("json_format_options is named: properties are sorted anyway", () => {
  const { problems } = compile({ jsonFormat: { a: "b" }, jsonFormatOptions: {} });
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /^format\.json_format_options: .*always sorted$/);
});
