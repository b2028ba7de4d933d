// Every example: its two lines, what it promises, and that Outrigger and Envoy both accept it.
import assert from "node:assert/strict";
import { type StdioOptions, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CliFixture } from "../cli/cli-fixture.ts";
import { requirePeer } from "../kit/find-envoy.ts";
import { BALANCING_EXPECTATIONS } from "./balancing-expectations.ts";
import { HTTP_EXPECTATIONS } from "./http-expectations.ts";
import { Player } from "./play.ts";
import { EXAMPLES, exampleNames, RunningExample } from "./running-example.ts";
import { SERVER_EXPECTATIONS } from "./server-expectations.ts";
import { TCP_EXPECTATIONS } from "./tcp-expectations.ts";

const EXPECTATIONS = [
  ...HTTP_EXPECTATIONS,
  ...BALANCING_EXPECTATIONS,
  ...TCP_EXPECTATIONS,
  ...SERVER_EXPECTATIONS,
];
const envoy = requirePeer("envoy");
const names = exampleNames();

describe("examples", () => {
  it("are at least 24, and each has what it promises written down", () => {
    assert.ok(names.length >= 24);
    const described = EXPECTATIONS.map(({ example }) => example).sort();
    assert.deepEqual(described, names);
  });

  it("are all in the README", () => {
    const readme = readFileSync(join(EXAMPLES, "../README.md"), "utf8");
    for (const name of names) assert.ok(readme.includes(`[${name}](examples/${name})`), name);
  });

  for (const name of names) {
    it(`${name}: has a title and a line that say what it shows`, () => {
      const lines = readFileSync(join(EXAMPLES, name, "README.md"), "utf8").split("\n");
      assert.match(lines[0]!, /^# \S/);
      assert.equal(lines.length, 3);
      assert.equal(lines[2], "");
    });
  }
});

describe("examples do what they promise", () => {
  for (const { example, steps } of EXPECTATIONS) {
    it(example, async () => {
      const running = await RunningExample.start(example);
      const player = new Player(running);
      try {
        for (const step of steps) await player.play(step);
      } finally {
        player.end();
        await running.stop();
      }
    });
  }
});

describe("examples are accepted without a warning", () => {
  for (const name of names) {
    it(`by validate: ${name}`, async () => {
      const cli = new CliFixture();
      const path = join(EXAMPLES, name, "envoy.yaml");
      cli.files.write(path, readFileSync(path, "utf8"));
      assert.equal(await cli.run("validate", "-c", path), 0, cli.stderr);
      assert.equal(cli.stderr, "");
    });
  }
});

describe("examples are accepted by Envoy", { skip: envoy.skip }, () => {
  for (const name of names) {
    it(name, () => {
      const path = join(EXAMPLES, name, "envoy.yaml");
      const args = ["--mode", "validate", "-l", "error", "-c", path];
      // Envoy opens /dev/stderr anew: a file can be opened, the socket behind a pipe cannot.
      const folder = mkdtempSync(join(tmpdir(), "outrigger-envoy-"));
      const output = openSync(join(folder, "output"), "w+");
      const stdio: StdioOptions = ["ignore", output, output];
      const { status } = spawnSync(envoy.path, args, { cwd: join(EXAMPLES, ".."), stdio });
      closeSync(output);
      const text = readFileSync(join(folder, "output"), "utf8");
      rmSync(folder, { recursive: true });
      assert.equal(status, 0, text.slice(-2000));
    });
  }
});
