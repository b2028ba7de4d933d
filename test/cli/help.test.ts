import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandHelp, mainHelp } from "../../src/cli/help.ts";
import { FLAGS } from "../../src/cli/options.ts";
import { CliFixture } from "./cli-fixture.ts";

describe("help", () => {
  it("names every flag and every exit code", () => {
    for (const name of FLAGS.flatMap(({ names }) => names)) assert.ok(mainHelp().includes(name));
    assert.match(mainHelp(), /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
  });

  it("of a command leaves out the flags of others", () => {
    assert.match(commandHelp("validate"), /--format VALUE/);
    assert.doesNotMatch(commandHelp("validate"), /--drain-time-s/);
    assert.match(commandHelp("run"), /--drain-time-s/);
    assert.doesNotMatch(commandHelp("run"), /--format VALUE/);
    assert.doesNotMatch(commandHelp("version"), /--config-path/);
  });

  it("is given for `help COMMAND` as for `COMMAND --help`", async () => {
    for (const command of ["run", "validate", "version"]) {
      const [left, right] = [new CliFixture(), new CliFixture()];
      assert.equal(await left.run("help", command), 0);
      assert.equal(await right.run(command, "--help"), 0);
      assert.equal(left.stdout, right.stdout);
      assert.equal(left.stdout, commandHelp(command));
    }
  });

  it("fits 100 columns, without colour", () => {
    for (const text of [mainHelp(), commandHelp("run"), commandHelp("validate")]) {
      assert.ok(text.split("\n").every((line) => line.length <= 100));
      assert.ok(!text.includes("\u001b"));
    }
  });
});
