// Entries of access_log: a filter, a logger, and the view of a connection without HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../../../src/config/runtime.ts";
import { AccessLogs } from "../../../../src/extensions/common/access-log/access-logs.ts";
import type { FormatterContext } from "../../../../src/route/formatter.ts";
import { emptyContext, sampleContext } from "../../formatters/format-fixture.ts";

const TYPE = "test.Logger";

function logs(seen: FormatterContext[]): AccessLogs {
  const logger = { log: (context: FormatterContext) => void seen.push(context) };
  const type = { name: "test", messages: [TYPE], compile: () => ({ create: () => logger }) };
  const random = { uint32: () => 0, uuid: () => "" };
  return new AccessLogs([type], { runtime: DEFAULT_RUNTIME, random });
}

const typedConfig = { typeUrl: `type.googleapis.com/${TYPE}`, value: {} };

test("logs what the filter lets through", () => {
  const seen: FormatterContext[] = [];
  const all = logs(seen);
  const filter = { responseFlagFilter: {} };
  const compiled = all.compile({ name: "x", typedConfig, filter }, new CompileContext());
  const logger = all.createLogger(compiled!);
  logger.log(emptyContext());
  const flagged = sampleContext();
  logger.log(flagged);
  assert.deepEqual(seen, [flagged]);
});

test("a connection is logged without headers", () => {
  const seen: FormatterContext[] = [];
  const all = logs(seen);
  const log = all.create(all.compile({ typedConfig }, new CompileContext())!);
  const { streamInfo } = sampleContext();
  log.log(streamInfo, 7);
  const [context] = seen;
  assert.equal(context?.streamInfo, streamInfo);
  assert.equal(context?.requestHeaders, null);
  assert.deepEqual([context?.logType, context?.nowMs], ["NotSet", 7]);
});

test("unknown loggers and loggers without configuration are named", () => {
  const context = new CompileContext("log");
  const all = logs([]);
  assert.equal(all.compile({ name: "bare" }, context), null);
  assert.equal(
    all.compile({ typedConfig: { typeUrl: "type.googleapis.com/test.Loger" } }, context),
    null,
  );
  assert.deepEqual(
    context.diagnostics.map(({ path, message, remedy }) => `${path}: ${message} → ${remedy}`),
    [
      "log.typed_config: Access log bare has no configuration → set typed_config",
      "log.typed_config: Access logger test.Loger is not supported → use test.Logger",
    ],
  );
});
