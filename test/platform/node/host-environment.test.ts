import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { NodeHostEnvironment } from "../../../src/platform/node/host-environment.ts";

describe("NodeHostEnvironment", () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-host-"));
  after(() => rmSync(folder, { recursive: true }));
  const host = new NodeHostEnvironment();

  it("reads variables and files, and says why it cannot", () => {
    process.env["OUTRIGGER_HOST_TEST"] = "value";
    assert.equal(host.variable("OUTRIGGER_HOST_TEST"), "value");
    delete process.env["OUTRIGGER_HOST_TEST"];
    assert.equal(host.variable("OUTRIGGER_HOST_TEST"), undefined);
    writeFileSync(join(folder, "file"), "content");
    const content = host.readFile(join(folder, "file"));
    assert.equal(content.kind === "read" && Buffer.from(content.bytes).toString(), "content");
    assert.deepEqual(host.readFile(join(folder, "none")), { kind: "failed", code: "ENOENT" });
  });

  it("knows where a log file may be", () => {
    mkdirSync(join(folder, "sub"));
    assert.equal(host.appendProblem(join(folder, "new.log")), null);
    assert.equal(host.appendProblem(join(folder, "file")), null);
    assert.equal(host.appendProblem(join(folder, "sub")), "EISDIR");
    assert.equal(host.appendProblem(join(folder, "none", "new.log")), "ENOENT");
    assert.equal(host.appendProblem("/dev/stdout"), null);
  });

  it("knows the zone at a time", () => {
    const minutes = host.utcOffsetMinutes(Date.UTC(2024, 0, 1));
    assert.ok(Number.isInteger(minutes) && Math.abs(minutes) <= 14 * 60);
  });
});
