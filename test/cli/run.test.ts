// What `run` does with its flags before anything is served.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ANSWERING, CliFixture, FILE } from "./cli-fixture.ts";

describe("run", () => {
  it("refuses a log file that cannot be written, and starts nothing", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, ANSWERING);
    cli.appendProblem = "ENOENT";
    assert.equal(await cli.run("run", "-c", FILE, "--log-path", "/no/such/folder/log"), 2);
    assert.match(
      cli.stderr,
      /^outrigger: Cannot write the log to \/no\/such\/folder\/log: ENOENT\n/,
    );
    assert.equal(cli.network.open.size, 0);
  });

  it("serves what several files make together", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.yaml", "node: { id: merged }\n");
    cli.files.write(FILE, ANSWERING);
    const { exit } = await cli.serve("run", "-c", "/a.yaml", "-c", FILE);
    assert.match(await cli.get(10_000, "/"), /hello/);
    assert.match(await cli.get(15_000, "/server_info"), /"id": "merged"/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("reloads when any of its files changes", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.yaml", "node: { id: merged }\n");
    cli.files.write(FILE, ANSWERING);
    const { exit } = await cli.serve("run", "-c", "/a.yaml", "-c", FILE);
    cli.files.move(FILE, ANSWERING.replace("hello", "goodbye"));
    await cli.logged("configuration reloaded");
    assert.match(await cli.get(10_000, "/"), /goodbye/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("does not watch its files when told not to", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE, "--no-reload");
    assert.deepEqual(cli.files.watched(), []);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });
});
