import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { NodeFiles } from "../../../src/platform/node/files.ts";
import { NodeHostEnvironment } from "../../../src/platform/node/host-environment.ts";

describe("NodeFiles", () => {
  const root = mkdtempSync(join(tmpdir(), "outrigger-files-"));
  after(() => rmSync(root, { recursive: true }));
  let count = 0;
  const newFolder = (): string => {
    const folder = join(root, String(count++));
    mkdirSync(folder);
    return folder;
  };
  const files = new NodeFiles();

  /** Watches; `cause` must make it call back. */
  const calls = async (
    watch: (onCall: () => void) => { close(): void },
    cause: () => void,
  ): Promise<void> => {
    const alive = setInterval(() => undefined, 1000);
    let watcher = { close: (): void => undefined };
    await new Promise<void>((resolve) => {
      watcher = watch(resolve);
      cause();
    });
    watcher.close();
    clearInterval(alive);
  };

  it("reads, tells what exists, lists without hidden entries and through links", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "a.yaml"), "a: 1");
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, ".hidden"), "");
    symlinkSync(join(folder, "inner"), join(folder, "link"));
    assert.equal(Buffer.from(await files.read(join(folder, "a.yaml"))).toString(), "a: 1");
    assert.equal(await files.exists(join(folder, "a.yaml")), true);
    assert.equal(await files.exists(join(folder, "b.yaml")), false);
    const entries = [...(await files.list(folder))].sort((x, y) => x.name.localeCompare(y.name));
    assert.deepEqual(entries, [
      { name: "a.yaml", folder: false },
      { name: "inner", folder: true },
      { name: "link", folder: true },
    ]);
    assert.deepEqual(await files.list(join(folder, "absent")), []);
    await assert.rejects(files.read(join(folder, "absent")), /ENOENT/);
  });

  it("waits for logs until they are written, but not for a pipe that nobody reads", async () => {
    const path = join(newFolder(), "log");
    const log = files.openLog(path, { flushIntervalMs: 60_000, flushBytes: 100, maxBytes: 100 });
    log.append("line\n");
    assert.equal(await files.flushLogs(60_000), true);
    const stuck = join(import.meta.dirname, "stuck-log.ts");
    const child = spawn(process.execPath, [stuck], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    await once(child, "exit");
    child.stdout.destroy();
    assert.equal(said, "false");
  });

  it("sees a file that was moved into place", async () => {
    const folder = newFolder();
    const path = join(folder, "lds.yaml");
    writeFileSync(path, "old");
    writeFileSync(`${path}.new`, "new");
    await calls(
      (onCall) => files.watchMoves(path, onCall),
      () => renameSync(`${path}.new`, path),
    );
  });

  it("sees the link swap by which Kubernetes publishes a volume", async () => {
    const folder = newFolder();
    for (const version of ["v1", "v2"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "lds.yaml"), version);
    }
    symlinkSync("v1", join(folder, "..data"));
    symlinkSync("..data/lds.yaml", join(folder, "lds.yaml"));
    symlinkSync("v2", join(folder, "..data_tmp"));
    await calls(
      (onCall) => files.watchMoves(join(folder, "lds.yaml"), onCall),
      () => renameSync(join(folder, "..data_tmp"), join(folder, "..data")),
    );
  });

  it("sees a write in place as a change", async () => {
    const path = join(newFolder(), "envoy.yaml");
    writeFileSync(path, "old");
    await calls(
      (onCall) => files.watchChanges(path, onCall),
      () => writeFileSync(path, "new"),
    );
  });

  it("does not take a write in place for a move", async () => {
    const folder = newFolder();
    const path = join(folder, "lds.yaml");
    writeFileSync(path, "old");
    let moves = 0;
    const moved = files.watchMoves(path, () => {
      moves += 1;
    });
    await calls(
      (onCall) => files.watchChanges(path, onCall),
      () => writeFileSync(path, "new"),
    );
    assert.equal(moves, 0);
    moved.close();
  });
});

describe("NodeHostEnvironment", () => {
  const host = new NodeHostEnvironment();

  it("names the host and reads variables", () => {
    assert.notEqual(host.hostname, "");
    assert.match(host.address, /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(host.variable("PATH"), process.env["PATH"]);
    assert.equal(host.variable("OUTRIGGER_SURELY_UNSET"), undefined);
  });

  it("reads a file, or says why not", () => {
    assert.equal(host.readFile(import.meta.filename).kind, "read");
    assert.deepEqual(host.readFile("/absent/file"), { kind: "failed", code: "ENOENT" });
  });
});
