// Every kind of data source, read from a fixed machine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { readDataSource } from "../../../src/extensions/common/data-source.ts";
import type { HostEnvironment } from "../../../src/platform/host-environment.ts";
import type { DataSource } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { TEST_HOST } from "../formatters/format-fixture.ts";

const HOST: HostEnvironment = {
  ...TEST_HOST,
  readFile: (path) =>
    path === "/there"
      ? { kind: "read", bytes: Buffer.from("file") }
      : { kind: "failed", code: "EACCES" },
};

function read(source: DataSource): { text: string | null; problems: string[] } {
  const context = new CompileContext("body");
  const bytes = readDataSource(source, HOST, context);
  return {
    text: bytes === null ? null : Buffer.from(bytes).toString("utf8"),
    problems: context.diagnostics.map(({ path, message }) => `${path}: ${message}`),
  };
}

const SOURCES: readonly (readonly [DataSource, string])[] = [
  [{ inlineString: "é" }, "é"],
  [{ inlineBytes: Buffer.from("bytes") }, "bytes"],
  [{ filename: "/there" }, "file"],
  [{ environmentVariable: "SET" }, "environment value"],
];

for (const [source, text] of SOURCES) {
  test(`reads ${Object.keys(source)[0]}`, () =>
    assert.deepEqual(read(source), { text, problems: [] }));
}

const PROBLEMS: readonly (readonly [DataSource, string])[] = [
  [{}, "body: No data is given"],
  [{ filename: "/secret" }, "body.filename: File /secret cannot be read: EACCES"],
  [
    { environmentVariable: "UNSET" },
    "body.environment_variable: Environment variable UNSET is not set",
  ],
];

for (const [source, problem] of PROBLEMS) {
  test(`reports: ${problem}`, () =>
    assert.deepEqual(read(source), { text: null, problems: [problem] }));
}
