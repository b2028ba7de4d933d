import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FLAGS, parseOptions } from "../../src/cli/options.ts";
import { bootstrap } from "../server/configs.ts";
import { ANSWERING, answering, CliFixture, FILE } from "./cli-fixture.ts";

const withFile = (text: string): CliFixture => {
  const cli = new CliFixture();
  cli.files.write(FILE, text);
  return cli;
};

describe("the command line", () => {
  it("helps, and names every flag once", async () => {
    for (const args of [[], ["help"], ["--help"], ["run", "--help"], ["validate", "-h"]]) {
      const cli = new CliFixture();
      assert.equal(await cli.run(...args), 0);
      assert.match(cli.stdout, /--config-path/);
    }
    const names = FLAGS.flatMap((flag) => flag.names);
    assert.equal(new Set(names).size, names.length);
  });

  it("says its version", async () => {
    for (const args of [["version"], ["--version"]]) {
      const cli = new CliFixture();
      assert.equal(await cli.run(...args), 0);
      assert.match(cli.stdout, /^outrigger \d+\.\d+\.\d+ \(Envoy API 1\.\d+\.\d+, Node v0\)\n$/);
    }
  });

  const refused: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [["serve"], /Unknown command serve/],
    [["validat", "-c", FILE], /Unknown command validat; did you mean validate\?/],
    [["run", "--drain-times", "3"], /Unknown flag --drain-times; did you mean --drain-time-s\?/],
    [["run", "-c"], /Flag -c needs a value/],
    [["run"], /give a file with -c/],
    [["run", FILE], /Unexpected argument .*given with -c/],
    [["-c", FILE, "--mode", "fast"], /Unknown mode fast/],
    [["-c", FILE, "-l", "loud"], /Unknown log level loud/],
    [["-c", FILE, "--concurrency", "many"], /--concurrency takes a whole number/],
    [["-c", FILE, "--drain-time-s", "-1"], /--drain-time-s takes a whole number/],
    [["-c", FILE, "--drain-strategy", "slow"], /--drain-strategy is gradual or immediate/],
    [["-c", FILE, "--component-log-level", "nothing"], /nothing/],
  ];
  for (const [args, words] of refused) {
    it(`refuses ${args.join(" ")} with one line and exit code 2`, async () => {
      const cli = withFile(ANSWERING);
      assert.equal(await cli.run(...args), 2);
      assert.match(cli.stderr, words);
      assert.match(cli.stderr, /^outrigger: .*\nTry: outrigger --help\n$/);
      assert.equal(cli.network.open.size, 0);
    });
  }

  it("hands bench its arguments", async () => {
    const cli = new CliFixture();
    assert.equal(await cli.run("bench", "--quick"), 0);
    assert.deepEqual(cli.benchArgs, ["--quick"]);
  });
});

describe("flags", () => {
  const parse = (...args: readonly string[]): ReadonlyMap<string, readonly string[]> => {
    const parsed = parseOptions(args);
    assert.ok("options" in parsed);
    return parsed.options.values;
  };

  it("take values after a space or an equals sign, and repeat", () => {
    const values = parse("-c", "a", "--config-path=b", "--config-path", "c=d");
    assert.deepEqual(values.get("--config-path"), ["a", "b", "c=d"]);
  });

  it("of Envoy's that mean nothing here are taken with their values, and forgotten", () => {
    const values = parse("--base-id", "3", "--disable-hot-restart", "--max-stats", "x");
    assert.equal(values.size, 0);
  });
});

describe("validate", () => {
  it("finds nothing wrong, and opens nothing", async () => {
    const cli = withFile(ANSWERING);
    assert.equal(await cli.run("validate", "-c", FILE), 0);
    assert.equal(cli.stdout, `configuration '${FILE}' OK\n`);
    assert.match(await cli.get(10_000, "/"), /^$/);
  });

  it("names place and remedy of what is wrong, and exits 1, in Envoy's form too", async () => {
    const broken = `static_resources:\n  listeners:\n  - nam: x\n`;
    for (const args of [
      ["validate", "-c", FILE],
      ["-c", FILE, "--mode", "validate"],
    ]) {
      const cli = withFile(broken);
      assert.equal(await cli.run(...args), 1);
      assert.match(cli.stderr, /envoy\.yaml:3:\d+: error: .*nam.*name/);
    }
  });

  it("prints JSON for scripts", async () => {
    const good = withFile(ANSWERING);
    assert.equal(await good.run("validate", "-c", FILE, "--format", "json"), 0);
    assert.deepEqual(JSON.parse(good.stdout), { valid: true, diagnostics: [] });
    const bad = withFile("static_resources: { listeners: 3 }");
    assert.equal(await bad.run("validate", "-c", FILE, "--format", "json"), 1);
    const { valid, diagnostics } = JSON.parse(bad.stdout) as {
      valid: boolean;
      diagnostics: { severity: string; source: { line: number } }[];
    };
    assert.equal(valid, false);
    assert.equal(diagnostics[0]!.severity, "error");
    assert.equal(diagnostics[0]!.source.line, 1);
  });

  it("says which file it cannot read", async () => {
    const cli = new CliFixture();
    assert.equal(await cli.run("validate", "-c", "/absent.yaml"), 1);
    assert.match(cli.stderr, /\/absent\.yaml/);
  });
});

describe("run", () => {
  it("serves, opens its ports, and ends with 0 when told to", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE);
    assert.match(await cli.get(10_000, "/"), /^HTTP\/1\.1 200 OK[\s\S]*hello$/);
    assert.match(await cli.get(15_000, "/ready"), /LIVE/);
    assert.match(await cli.get(15_021, "/healthz/ready"), /^HTTP\/1\.1 200/);
    assert.match(await cli.get(15_090, "/stats/prometheus"), /envoy_server_live/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
    assert.match(cli.log, /draining/);
  });

  it("in Envoy's form opens only what the file says", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("-c", FILE);
    assert.match(await cli.get(10_000, "/"), /hello/);
    assert.equal(await cli.get(15_000, "/ready"), "");
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("serves a changed file, and keeps the old one when the new one is wrong", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE);
    cli.files.move(FILE, "static_resources: [");
    await cli.logged("reload refused");
    assert.match(cli.stderr, /envoy\.yaml:1:/);
    assert.match(await cli.get(10_000, "/"), /hello/);
    cli.files.move(FILE, bootstrap({ listeners: [answering("changed")] }));
    await cli.logged("configuration reloaded");
    assert.match(await cli.get(10_000, "/"), /changed/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("goes on after SIGHUP", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE);
    for (const listener of cli.hangUpListeners) listener();
    assert.match(cli.log, /\[warning\]\[main\] SIGHUP is ignored/);
    assert.match(await cli.get(15021, "/healthz/ready"), /^HTTP\/1\.1 200 /);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("takes Envoy's short name of a level", async () => {
    const cli = withFile(ANSWERING);
    const flags = ["-l", "warn", "--component-log-level", "http:warn,main:info,pool:warn"];
    const { exit } = await cli.serve("-c", FILE, ...flags);
    assert.match(cli.log, /\[info\]\[main\]/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("counts, logs and survives what nothing caught", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE);
    assert.equal(cli.errorListeners.length, 1);
    cli.errorListeners[0]?.(new Error("nobody caught this"));
    assert.match(cli.log, /\[critical\]\[envoy_bug\] bug: Error: nobody caught this/);
    assert.match(await cli.get(15000, "/stats"), /^server\.envoy_bug_failures: 1$/m);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("ends at once at a second signal", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE);
    cli.signal();
    cli.signal();
    assert.equal(await cli.settled(exit), 1);
  });

  it("says what is wrong and ends with 1 when the configuration is", async () => {
    const cli = withFile("static_resources: { clusters: [{ name: a, type: MAGIC }] }");
    assert.equal(await cli.run("run", "-c", FILE), 1);
    assert.match(cli.stderr, /^\/etc\/proxy\/envoy\.yaml:1:\d+: error: /);
  });

  it("takes the next free port when a usual one is taken, and says so", async () => {
    const cli = withFile(ANSWERING);
    await cli.network.listen({ address: { ip: "127.0.0.1", port: 15_000 } }, () => undefined);
    const { exit } = await cli.serve("run", "-c", FILE);
    assert.match(cli.log, /admin: http:\/\/127\.0\.0\.1:15001/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });

  it("logs where it is told to, and opens the log anew on request", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE, "--log-path", "/log", "--log-format", "%v");
    assert.equal(cli.logPath, "/log");
    assert.match(cli.log, /^listener main: 127\.0\.0\.1:10000$/m);
    cli.signalReopen();
    assert.equal(cli.reopened, 1);
    cli.signal();
    await cli.settled(exit);
  });

  it("writes the admin address to a file", async () => {
    const cli = withFile(ANSWERING);
    const { exit } = await cli.serve("run", "-c", FILE, "--admin-address-path", "/admin");
    assert.equal(cli.written.get("/admin"), "127.0.0.1:15000");
    cli.signal();
    await cli.settled(exit);
  });

  it("with mode init_only starts and ends", async () => {
    const cli = withFile(ANSWERING);
    assert.equal(await cli.run("-c", FILE, "--mode", "init_only"), 0);
  });
});
