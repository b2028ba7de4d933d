// Broken configurations: each gives exactly one diagnostic, at its place, with a remedy; nothing
// starts with one, and a proxy that runs keeps what it has.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { ANSWERING, CliFixture, FILE } from "../cli/cli-fixture.ts";
import { BROKEN_CLUSTER_TYPES } from "./broken-cluster-types.ts";
import { BROKEN_CLUSTERS } from "./broken-clusters.ts";
import { type BrokenConfig, ECHO, listeners, readMark } from "./broken-config.ts";
import { BROKEN_HEALTH_CHECKS } from "./broken-health-checks.ts";
import { BROKEN_HTTP } from "./broken-http.ts";
import { BROKEN_LISTENERS } from "./broken-listeners.ts";
import { BROKEN_RETRIES } from "./broken-retries.ts";
import { BROKEN_SYNTAX } from "./broken-syntax.ts";

const ALL: readonly BrokenConfig[] = [
  ...BROKEN_SYNTAX,
  ...BROKEN_LISTENERS,
  ...BROKEN_HTTP,
  ...BROKEN_CLUSTERS,
  ...BROKEN_CLUSTER_TYPES,
  ...BROKEN_HEALTH_CHECKS,
  ...BROKEN_RETRIES,
];

const ADDRESS = "{ socket_address: { address: 127.0.0.1, port_value: 10000 } }";
const ONE_LISTENER = listeners(`
- name: l
  »address: ${ADDRESS}
  filter_chains:
  - filters:
${ECHO.replace(/^/gm, "    ")}`);

function withFile({ text, file = FILE }: BrokenConfig): CliFixture {
  const cli = new CliFixture();
  cli.files.write(file, readMark(text).text);
  return cli;
}

describe("a broken configuration", () => {
  it("is one of at least 48, each of them named once", () => {
    const names = ALL.map(({ what }) => what);
    assert.ok(names.length >= 48);
    assert.equal(new Set(names).size, names.length);
  });

  for (const broken of ALL) {
    const { what, file = FILE, message, remedy } = broken;
    const { line, column } = readMark(broken.text);

    it(`with ${what}: one diagnostic, its place, a remedy`, async () => {
      const cli = withFile(broken);
      assert.equal(await cli.run("validate", "-c", file, "--format", "json"), 1);
      const found = JSON.parse(cli.stdout) as { valid: boolean; diagnostics: Diagnostic[] };
      assert.equal(found.valid, false);
      const [diagnostic, ...others] = found.diagnostics;
      assert.deepEqual(others, []);
      assert.equal(diagnostic!.severity, "error");
      assert.deepEqual(diagnostic!.source, { file, line, column });
      assert.match(diagnostic!.message, message);
      assert.match(diagnostic!.remedy, remedy);
    });

    it(`with ${what}: run says the same in one line, and starts nothing`, async () => {
      const cli = withFile(broken);
      assert.equal(await cli.run("run", "-c", file), 1);
      const lines = cli.stderr.trimEnd().split("\n");
      assert.equal(lines.length, 1, cli.stderr);
      assert.ok(lines[0]!.startsWith(`${file}:${line}:${column}: error: `), cli.stderr);
      assert.deepEqual(cli.network.listening(), []);
      assert.equal(cli.network.open.size, 0);
    });
  }
});

describe("a running proxy that is given a broken configuration", () => {
  const cli = new CliFixture();
  let exit: Promise<number>;
  before(async () => {
    cli.files.write(FILE, ANSWERING);
    ({ exit } = await cli.serve("run", "-c", FILE));
  });
  after(async () => {
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  for (const { what, text, file } of ALL) {
    if (file !== undefined) continue;
    it(`with ${what}: says what is wrong, and serves as before`, async () => {
      cli.log = "";
      cli.stderr = "";
      const marked = readMark(text);
      cli.files.move(FILE, marked.text);
      await cli.logged("reload refused");
      const lines = cli.stderr.trimEnd().split("\n");
      assert.equal(lines.length, 1, cli.stderr);
      assert.ok(lines[0]!.startsWith(`${FILE}:${marked.line}:${marked.column}: error: `));
      assert.match(await cli.get(10_000, "/"), /^HTTP\/1\.1 200 OK[\s\S]*hello$/);
    });
  }
});

describe("files that cannot be used", () => {
  const refused = async (cli: CliFixture, ...files: readonly string[]): Promise<string> => {
    const args = files.flatMap((file) => ["-c", file]);
    assert.equal(await cli.run("validate", ...args), 1);
    return cli.stderr;
  };

  it("are named when they are not there", async () => {
    const stderr = await refused(new CliFixture(), "/absent.yaml");
    assert.equal(stderr, "/absent.yaml:1:1: error: There is no such file (check the path)\n");
  });

  it("are named when they are folders", async () => {
    const cli = new CliFixture();
    cli.files.read = () => Promise.reject(Object.assign(new Error("no"), { code: "EISDIR" }));
    const stderr = await refused(cli, "/etc");
    assert.equal(stderr, "/etc:1:1: error: Is a folder, not a file (name a file in it)\n");
  });

  it("are named when they may not be read", async () => {
    const cli = new CliFixture();
    cli.files.read = () => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" }));
    assert.match(await refused(cli, "/secret"), /^\/secret:1:1: error: No permission .*\)\n$/);
  });

  it("are named when they are no protobuf", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.pb", "words");
    assert.match(await refused(cli, "/a.pb"), /^\/a\.pb:1:1: error: .+ \(.+\)\n$/);
  });

  it("are told apart when several are merged", async () => {
    const cli = new CliFixture();
    cli.files.write("/a.yaml", "static_resources:\n  clusters:\n  - { name: one, type: STATIC }\n");
    cli.files.write("/b.yaml", "static_resources:\n  clusters:\n  - { name: one, type: STATIC }\n");
    const stderr = await refused(cli, "/a.yaml", "/b.yaml");
    assert.match(
      stderr,
      /^\/b\.yaml:3:7: error: static_resources\.clusters\[1\]\.name: .*"one".*\n$/,
    );
  });
});

describe("addresses that are taken", () => {
  const taken = async (text: string): Promise<CliFixture> => {
    const cli = new CliFixture();
    cli.files.write(FILE, text);
    await cli.network.listen({ address: { ip: "127.0.0.1", port: 10_000 } }, () => undefined);
    assert.equal(await cli.run("run", "-c", FILE), 1);
    assert.deepEqual(cli.network.listening(), ["127.0.0.1:10000"]);
    return cli;
  };
  const inUse = "the address is in use (stop what listens there, or use another port)\n";

  it("of a listener are named once, at the listener's address", async () => {
    const { text, line, column } = readMark(ONE_LISTENER);
    const { stderr } = await taken(text);
    assert.equal(
      stderr,
      `${FILE}:${line}:${column}: error: static_resources.listeners[0].address: ` +
        `Listener "l" cannot bind to 127.0.0.1:10000: ${inUse}`,
    );
  });

  it("beside the first one are found too", async () => {
    const more = "additional_addresses:\n    - »address: ";
    const marked = ONE_LISTENER.replace("»", "")
      .replace("10000", "10001")
      .replace("    filter_chains", `    ${more}${ADDRESS}\n    filter_chains`);
    const { text, line, column } = readMark(marked);
    const { stderr } = await taken(text);
    assert.ok(stderr.startsWith(`${FILE}:${line}:${column}: error: `), stderr);
    assert.match(stderr, /additional_addresses\[0\]\.address: Listener "l" cannot bind/);
  });

  it("of the admin interface are named at its address", async () => {
    const { stderr } = await taken(`admin:\n  address: ${ADDRESS}\n`);
    assert.equal(
      stderr,
      `${FILE}:2:3: error: admin.address: Cannot open the admin address 127.0.0.1:10000: ${inUse}`,
    );
  });
});
