import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { launcherText } from "../../build/launcher.ts";
import { RUNTIME_FLAGS } from "../../src/cli/runtime-flags.ts";

describe("the launcher", () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-launcher-"));
  after(() => rmSync(folder, { recursive: true }));

  const script = (path: string, text: string): void => {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  mkdirSync(join(folder, "dist"));
  mkdirSync(join(folder, "elsewhere"));
  mkdirSync(join(folder, "system"));
  script(join(folder, "dist/outrigger"), launcherText("outrigger.js"));
  symlinkSync(join(folder, "dist/outrigger"), join(folder, "elsewhere/outrigger"));
  script(join(folder, "system/node"), '#!/bin/sh\necho system; printf "%s\\n" "$@"\n');

  const run = (): string[] => {
    const path = `${join(folder, "system")}:${process.env["PATH"]}`;
    const options = { encoding: "utf8", env: { PATH: path } } as const;
    const { stdout } = spawnSync(join(folder, "elsewhere/outrigger"), ["-c", "a b"], options);
    return stdout.trim().split("\n");
  };

  it("passes the shipped flags, then the bundle, then the arguments, through a link", () => {
    const [node, ...args] = run();
    assert.equal(node, "system");
    assert.deepEqual(args.slice(0, RUNTIME_FLAGS.length), RUNTIME_FLAGS);
    assert.match(args[RUNTIME_FLAGS.length]!, /dist\/outrigger\.js$/);
    assert.deepEqual(args.slice(-2), ["-c", "a b"]);
  });

  it("prefers the runtime installed beside the package", () => {
    mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
    script(join(folder, "node_modules/.bin/node"), "#!/bin/sh\necho pinned\n");
    assert.deepEqual(run(), ["pinned"]);
  });
});
