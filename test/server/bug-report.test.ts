import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Logger } from "../../src/log/logger.ts";
import { BugReport } from "../../src/server/bug-report.ts";
import { StatSlab } from "../../src/stats/slab.ts";
import { StatsStore } from "../../src/stats/stats-store.ts";

function create(): { report: BugReport; lines: string[] } {
  const lines: string[] = [];
  return {
    report: new BugReport(new Logger("envoy_bug", 0, (...line) => lines.push(line[2]))),
    lines,
  };
}

describe("bugs", () => {
  it("are logged at their 1st, 2nd, 4th, 8th time", () => {
    const { report, lines } = create();
    for (let time = 0; time < 9; time++) report.report("broken");
    assert.deepEqual(lines, [
      "bug: broken",
      "bug (2 times): broken",
      "bug (4 times): broken",
      "bug (8 times): broken",
    ]);
  });

  it("are counted once there are stats", () => {
    const { report } = create();
    report.report("before");
    report.counter = new StatsStore(new StatSlab()).root.counter("bugs");
    report.report("after");
    assert.equal(report.counter.value(), 1);
  });

  it("tell where they were thrown, and never throw themselves", () => {
    const { report, lines } = create();
    report.report(new TypeError("x is not a function"));
    report.report(Object.create(null));
    assert.match(lines[0] ?? "", /x is not a function\n\s+at .*bug-report\.test\.ts/);
    assert.equal(lines.length, 2);
  });

  it("of ever new kinds do not fill the memory or the log", () => {
    const { report, lines } = create();
    for (let kind = 0; kind < 10_000; kind++) report.report(`request ${kind}`);
    assert.ok(lines.length < 120, `${lines.length} lines`);
  });
});
