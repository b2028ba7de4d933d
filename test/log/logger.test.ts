import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileLogFormat, DEFAULT_LOG_FORMAT, LogFormat } from "../../src/log/log-format.ts";
import { DEBUG, ERROR, INFO, LOG_LEVELS, parseLogLevel } from "../../src/log/log-level.ts";
import { createSilentLogger, LoggerRegistry } from "../../src/log/logger.ts";

const IDENTITY = { processId: 77, threadId: 3 };
/** 2026-11-20 07:40:48.618330 UTC, a Friday. */
const TIME_MS = 1795160448618.33;

function compiled(pattern: string): LogFormat {
  const format = compileLogFormat(pattern, IDENTITY);
  assert.ok(format instanceof LogFormat, String(format));
  return format;
}

function registry(level: number = INFO): { loggers: LoggerRegistry; lines: string[] } {
  const lines: string[] = [];
  const time = { wallMs: () => TIME_MS, monotonicMs: () => 0 };
  const sink = (line: string): void => void lines.push(line);
  return { loggers: new LoggerRegistry(time, sink, compiled(DEFAULT_LOG_FORMAT), level), lines };
}

describe("LoggerRegistry", () => {
  it("writes lines in the default format", () => {
    const { loggers, lines } = registry();
    loggers.get("upstream").warn("host 10.0.0.1 ejected");
    assert.deepEqual(lines, [
      "[2026-11-20 07:40:48.618][3][warning][upstream] host 10.0.0.1 ejected\n",
    ]);
  });

  it("writes nothing below the level and does not build the message", () => {
    const { loggers, lines } = registry();
    const logger = loggers.get("http");
    let built = 0;
    const message = (): string => `built ${++built}`;
    logger.debug(message);
    assert.deepEqual([built, lines.length, logger.isEnabled(DEBUG)], [0, 0, false]);
    loggers.setLevels([["http", DEBUG]]);
    logger.debug(message);
    assert.deepEqual([built, lines.length, logger.isEnabled(DEBUG)], [1, 1, true]);
  });

  it("changes one component and leaves the others", () => {
    const { loggers, lines } = registry();
    loggers.setLevels([["upstream", ERROR]]);
    loggers.get("upstream").warn("quiet");
    loggers.get("http").warn("loud");
    assert.equal(lines.length, 1);
  });

  it("is silent at off, even for critical lines", () => {
    const { loggers, lines } = registry();
    loggers.setAllLevels(LOG_LEVELS.indexOf("off"));
    loggers.get("main").critical("end");
    createSilentLogger().critical("end");
    assert.deepEqual(lines, []);
  });

  it("has a method per level", () => {
    const { loggers, lines } = registry(parseLogLevel("trace"));
    const logger = loggers.get("main");
    for (const method of ["trace", "debug", "info", "warn", "error", "critical"] as const) {
      logger[method]("x");
    }
    const levels = lines.map((line) => line.split("][")[2]);
    assert.deepEqual(levels, ["trace", "debug", "info", "warning", "error", "critical"]);
  });

  it("tells when levels change, so that other threads can follow", () => {
    const here = registry();
    const there = registry();
    here.loggers.onLevelsChange = () => there.loggers.setLevels(here.loggers.levels());
    here.loggers.setLevels([["dns", DEBUG]]);
    assert.ok(there.loggers.get("dns").isEnabled(DEBUG));
  });
});

describe("compileLogFormat", () => {
  it("prints what Envoy prints for each placeholder", () => {
    const record = { timeMs: TIME_MS, level: INFO, component: "main", message: 'a "b"\nc' };
    const cases: [string, string][] = [
      ["%Y|%C|%m|%d|%D|%x", "2026|26|11|20|11/20/26|11/20/26"],
      ["%H|%I|%M|%S|%p", "07|07|40|48|AM"],
      ["%T|%X|%R|%r", "07:40:48|07:40:48|07:40|07:40:48 AM"],
      ["%e|%f|%E|%z", "618|618330|1795160448|+00:00"],
      ["%a|%A|%b|%h|%B|%c", "Fri|Friday|Nov|Nov|November|Fri Nov 20 07:40:48 2026"],
      ["%L|%l|%n|%t|%P", "I|info|main|3|77"],
      ["%_|%j", 'a "b"\\nc|a \\"b\\"\\nc'],
      ["%8l|%-8n|%=10n|%2l", "    info|main    |   main   |info"],
      ["%%|%^x%$", "%|x"],
      ["%g:%#|%s|%!|%@", "-:0|-|-|-:0"],
      ["plain", "plain"],
    ];
    for (const [pattern, expected] of cases) {
      assert.equal(compiled(pattern).format(record), expected, pattern);
    }
  });

  it("accepts the format that Istio passes", () => {
    const format = compiled("%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t");
    assert.equal(
      format.format({ timeMs: TIME_MS, level: ERROR, component: "config", message: "bad" }),
      "2026-11-20T07:40:48.618330Z\terror\tenvoy config -:0\tbad\tthread=3",
    );
  });

  it("prints midnight and noon on a twelve-hour clock", () => {
    const format = compiled("%I%p");
    const at = (timeMs: number): string =>
      format.format({ timeMs, level: INFO, component: "main", message: "" });
    assert.deepEqual([at(0), at(12 * 3_600_000), at(13 * 3_600_000)], ["12AM", "12PM", "01PM"]);
  });

  it("refuses an unknown placeholder by name", () => {
    assert.equal(compileLogFormat("%v %q", IDENTITY), "Unknown placeholder %q in the log format");
    assert.equal(compileLogFormat("50%", IDENTITY), "Unknown placeholder % in the log format");
  });
});
