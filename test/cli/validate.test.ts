// What `validate` takes: YAML, JSON, binary, several files, text on the command line.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLocalConfigLoader } from "../../src/config/local-config-loader.ts";
import { loadTextMessages } from "../../src/proto/text-messages.ts";
import { MemoryFiles } from "../server/memory-files.ts";
import { ANSWERING, CliFixture, FILE } from "./cli-fixture.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const CLUSTER = "static_resources:\n  clusters:\n  - { name: one, type: STATIC }\n";

async function binary(text: string): Promise<Uint8Array> {
  const files = new MemoryFiles();
  files.write(FILE, text);
  const loader = await createLocalConfigLoader(files);
  const { bootstrap } = await loader.loadBootstrap({ files: [FILE] });
  return (await loadTextMessages()).encodeBinary(BOOTSTRAP, bootstrap);
}

describe("validate", () => {
  it("takes JSON", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.json", JSON.stringify({ node: { id: "a" } }));
    assert.equal(await cli.run("validate", "-c", "/a.json"), 0, cli.stderr);
    assert.equal(cli.stdout, "configuration '/a.json' OK\n");
  });

  it("takes a binary bootstrap, and names what is wrong in it", async () => {
    const good = await binary(ANSWERING);
    const bad = await binary(
      CLUSTER.replace("name: one", "name: one, lb_policy: CLUSTER_PROVIDED"),
    );
    for (const [bytes, code] of [
      [good, 0],
      [bad, 1],
    ] as const) {
      const cli = new CliFixture();
      cli.files.read = () => Promise.resolve(bytes);
      assert.equal(await cli.run("validate", "-c", "/a.pb"), code, cli.stderr);
      assert.match(
        cli.stderr,
        code === 0 ? /^$/ : /error: static_resources\.clusters\[0\].*provided LB/,
      );
    }
  });

  it("merges files, and finds each problem in its own", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.yaml", CLUSTER);
    cli.files.write(
      "/b.yaml",
      "\nstatic_resources:\n  clusters:\n  - { name: two, typ: STATIC }\n",
    );
    assert.equal(await cli.run("validate", "-c", "/a.yaml", "-c", "/b.yaml"), 1);
    assert.match(cli.stderr, /^\/b\.yaml:4:18: error: .*did you mean "type"\?\)\n$/);
  });

  it("merges files whose parts make one good configuration", async () => {
    const cli = new CliFixture();
    const route = ANSWERING;
    cli.files.write("/a.yaml", CLUSTER);
    cli.files.write("/b.yaml", route);
    assert.equal(await cli.run("validate", "-c", "/a.yaml", "-c", "/b.yaml"), 0, cli.stderr);
    assert.equal(cli.stdout, "configuration '/a.yaml, /b.yaml' OK\n");
  });

  it("takes a text on the command line, alone or over a file", async () => {
    const alone = new CliFixture();
    assert.equal(await alone.run("validate", "--config-yaml", "node: { id: a }"), 0, alone.stderr);
    assert.equal(alone.stdout, "configuration '--config-yaml' OK\n");
    const over = new CliFixture();
    over.files.write(FILE, CLUSTER);
    assert.equal(await over.run("validate", "-c", FILE, "--config-yaml", "nod: { id: a }"), 1);
    assert.match(over.stderr, /^--config-yaml:1:1: error: nod: .*did you mean "node"\?\)\n$/);
  });

  it("skips unknown fields when told to", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, "node: { id: a, colour: red }\n");
    assert.equal(await cli.run("validate", "-c", FILE), 1);
    cli.stderr = "";
    assert.equal(await cli.run("validate", "-c", FILE, "--allow-unknown-fields"), 0, cli.stderr);
  });

  it("prints a warning, and exits 0", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, "perf_tracing_file_path: /a\n");
    assert.equal(await cli.run("validate", "-c", FILE), 0, cli.stderr);
    assert.match(cli.stderr, /^\/etc\/proxy\/envoy\.yaml:1:1: warning: perf_tracing_file_path: /);
    assert.match(cli.stdout, /OK/);
  });

  it("refuses a format that does not exist", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, CLUSTER);
    assert.equal(await cli.run("validate", "-c", FILE, "--format", "xml"), 2);
    assert.match(cli.stderr, /Unknown format xml; use text or json/);
  });
});
