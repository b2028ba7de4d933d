import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ParsedOptions, parseOptions } from "../../src/cli/options.ts";
import {
  bootstrapSource,
  concurrencyWarning,
  overridesOf,
  serverOptions,
} from "../../src/cli/server-options.ts";
import { ANSWERING, CliFixture, FILE } from "./cli-fixture.ts";

function parsed(...args: readonly string[]): ParsedOptions {
  const result = parseOptions(args);
  assert.ok("options" in result);
  return result.options;
}

describe("server options", () => {
  it("have defaults of their own", () => {
    const options = serverOptions(parsed("-c", "a"));
    assert.ok(!("problem" in options));
    assert.equal(options.drainTimeMs, 10_000);
    assert.equal(options.drainStrategy, "gradual");
    assert.equal(options.logFlushIntervalMs, 10_000);
    assert.equal(options.unknownDynamicFields, "log");
    assert.equal(options.dataPlanes, 1);
  });

  it("are taken from flags", () => {
    const options = serverOptions(
      parsed(
        "--drain-time-s=3",
        "--drain-strategy=immediate",
        "--file-flush-interval-msec=5",
        "--reject-unknown-dynamic-fields",
      ),
    );
    assert.ok(!("problem" in options));
    assert.equal(options.drainTimeMs, 3000);
    assert.equal(options.drainStrategy, "immediate");
    assert.equal(options.logFlushIntervalMs, 5);
    assert.equal(options.unknownDynamicFields, "reject");
  });

  it("name the files, the text over them, and what happens to unknown fields", () => {
    const options = parsed("-c", "a", "-c", "b", "--config-yaml", "x: 1", "--allow-unknown-fields");
    const source = bootstrapSource(options);
    assert.deepEqual(source, { files: ["a", "b"], yaml: "x: 1", allowUnknownFields: true });
  });

  it("override the node and add tags", () => {
    const options = parsed("--service-node", "n", "--service-zone", "z", "--stats-tag", "a:b:c");
    assert.deepEqual(overridesOf(options), {
      serviceNode: "n",
      serviceCluster: "",
      serviceZone: "z",
      statsTags: [{ name: "a", value: "b:c" }],
    });
  });

  it("are refused in words", () => {
    for (const [flag, value, words] of [
      ["--concurrency", "two", /--concurrency takes a whole number/],
      ["--stats-tag", "zone", /--stats-tag takes name:value, not zone/],
      ["--drain-time-s", "1.5", /whole number of seconds/],
      ["--file-flush-interval-msec", "-1", /whole number of milliseconds/],
      ["--drain-strategy", "later", /gradual or immediate/],
    ] as const) {
      const options = serverOptions(parsed(flag, value));
      assert.ok("problem" in options);
      assert.match(options.problem, words);
    }
  });
});

describe("--concurrency", () => {
  const planes = (...args: string[]): unknown => {
    const options = serverOptions(parsed(...args), 4);
    return "problem" in options ? options.problem : options.dataPlanes;
  };

  it("is one unless more are asked for; 0 is 1, as in Envoy", () => {
    assert.equal(planes(), 1);
    assert.equal(planes("--concurrency", "0"), 1);
    assert.equal(planes("--concurrency", "1"), 1);
    assert.equal(planes("--concurrency", "7"), 7);
  });

  it("is one per processor with auto, or with --cpuset-threads alone", () => {
    assert.equal(planes("--concurrency", "auto"), 4);
    assert.equal(planes("--cpuset-threads"), 4);
    assert.equal(planes("--cpuset-threads", "--concurrency", "2"), 2);
  });

  it("is refused when it is no sensible number", () => {
    for (const value of ["-1", "1.5", "129", "all"])
      assert.match(String(planes("--concurrency", value)), /whole number up to 128, or auto/);
  });

  it("warns when threads outnumber processors", () => {
    assert.equal(concurrencyWarning(1, 1), null);
    assert.equal(concurrencyWarning(4, 4), null);
    assert.match(concurrencyWarning(5, 4) ?? "", /--concurrency 5: there are 4 processors/);
  });

  it("do not keep a proxy from serving", async () => {
    const cli = new CliFixture();
    cli.files.write(FILE, ANSWERING);
    const { exit } = await cli.serve("-c", FILE, "--concurrency", "4");
    assert.match(cli.log, /\[warning\].*--concurrency 4: there are 1 processors/);
    assert.match(await cli.get(10_000, "/"), /hello/);
    cli.signal();
    assert.equal(await cli.settled(exit), 0);
  });
});
