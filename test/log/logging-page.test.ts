import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileLogFormat, LogFormat } from "../../src/log/log-format.ts";
import { WARNING } from "../../src/log/log-level.ts";
import { LoggerRegistry } from "../../src/log/logger.ts";
import { answerLogging, parseComponentLevels } from "../../src/log/logging-page.ts";

function loggers(): LoggerRegistry {
  const format = compileLogFormat("%v", { processId: 1, threadId: 1 });
  assert.ok(format instanceof LogFormat);
  const time = { wallMs: () => 0, monotonicMs: () => 0 };
  return new LoggerRegistry(time, () => {}, format, WARNING);
}

/** Levels that are not "warning", as `component=level`. */
function changed(registry: LoggerRegistry): string[] {
  const { body } = answerLogging(registry, []);
  const lines = body.split("\n").filter((line) => line.startsWith("  "));
  return lines.filter((line) => !line.endsWith(": warning")).map((line) => line.trim());
}

describe("answerLogging", () => {
  it("lists all loggers in Envoy's form", () => {
    const { status, body } = answerLogging(loggers(), []);
    assert.equal(status, 200);
    assert.ok(body.startsWith("active loggers:\n  admin: warning\n  alternate_protocols_cache: w"));
    assert.ok(body.endsWith("  dynamic_modules: warning\n\n"));
  });

  it("changes all, one, or several levels", () => {
    const all = loggers();
    assert.equal(answerLogging(all, [["level", "debug"]]).status, 200);
    assert.ok(changed(all).every((line) => line.endsWith(": debug")));
    assert.equal(changed(all).length, 68);
    const some = loggers();
    answerLogging(some, [["upstream", "trace"]]);
    answerLogging(some, [["paths", "http:error,connection:off,"]]);
    assert.deepEqual(changed(some), ["connection: off", "http: error", "upstream: trace"]);
  });

  it("lists and changes nothing for the empty fields of the admin page's form", () => {
    const registry = loggers();
    assert.equal(answerLogging(registry, [["level", ""]]).status, 200);
    assert.equal(answerLogging(registry, [["paths", ""]]).status, 200);
    assert.deepEqual(changed(registry), []);
  });

  it("refuses what it does not know, says why, and changes nothing", () => {
    const cases: [[string, string][], string][] = [
      [[["level", "bogus"]], "unknown logger level"],
      [[["level", "INFO"]], "unknown logger level"],
      [[["upstream", "bogus"]], "unknown logger level"],
      [[["upstream", ""]], "unknown logger level"],
      [[["bogus", "debug"]], "unknown logger name"],
      [[["paths", "upstream:info,nothere:error"]], "unknown logger name"],
      [[["paths", "upstream"]], "empty logger name or empty logger level"],
      [[["paths", ":debug"]], "empty logger name or empty logger level"],
      [
        [
          ["level", "info"],
          ["paths", "http:debug"],
        ],
        "invalid number of parameters",
      ],
    ];
    for (const [query, problem] of cases) {
      const registry = loggers();
      const { status, body } = answerLogging(registry, query);
      assert.equal(status, 400);
      assert.ok(body.startsWith(`error: ${problem}\n\nusage: /logging?<name>=<level> (`), body);
      assert.ok(body.includes("levels: trace debug info warning error critical off \nactive"));
      assert.deepEqual(changed(registry), []);
    }
  });
});

describe("parseComponentLevels", () => {
  it("reads a list of components and levels", () => {
    assert.deepEqual(parseComponentLevels("upstream:debug,connection:trace"), [
      ["upstream", 1],
      ["connection", 0],
    ]);
    assert.deepEqual(parseComponentLevels(""), []);
  });

  it("says what is wrong in Envoy's words", () => {
    assert.equal(parseComponentLevels("bogus:debug"), "invalid component specified 'bogus'");
    assert.equal(parseComponentLevels("upstream:bogus"), "invalid log level specified 'bogus'");
    assert.equal(
      parseComponentLevels("upstream"),
      "component log level not correctly specified 'upstream'",
    );
  });
});
