import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWrk, wrkScript } from "../../../bench/load/engines/wrk.ts";
import { parseBuild, parseOptions } from "../../../bench/load/options.ts";
import { getShape, REQUEST_HEADERS, requestHead } from "../../../bench/load/request.ts";

test("the plain command is the acceptance run, five rounds", () => {
  const options = parseOptions([]);
  assert.deepEqual([options.scenarios, options.repeat, options.twin], [["accept"], 5, true]);
  assert.equal(parseOptions(["--quick"]).repeat, 2);
  assert.equal(parseOptions(["--quick", "--repeat", "3"]).repeat, 3);
});

test("lists are split and several builds have names", () => {
  const options = parseOptions([
    "--scenario",
    "s3,s5",
    "--outrigger",
    "old=node a.js",
    "--outrigger=node b.js",
  ]);
  assert.deepEqual(options.scenarios, ["s3", "s5"]);
  assert.deepEqual(options.builds, [
    { name: "outrigger:old", command: "node a.js" },
    { name: "outrigger", command: "node b.js" },
  ]);
  assert.equal(parseBuild("node --flag=1 x.js").name, "outrigger");
});

test("a bad option is named", () => {
  assert.throws(() => parseOptions(["--repeat", "many"]), /--repeat needs a number/);
  assert.throws(() => parseOptions(["--upstream", "apache"]), /--upstream is one of/);
  assert.throws(() => parseOptions(["--nonsense"]), /nonsense/);
});

test("every request has eleven header fields", () => {
  assert.equal(REQUEST_HEADERS.length, 10);
  const head = requestHead(getShape(1024));
  assert.equal(head.split("\r\n").length - 3, 11);
  assert.match(head, /^GET \/bytes\/1024 HTTP\/1\.1\r\nHost: bench\.local\r\n/);
  const upload = requestHead({ ...getShape(0), method: "POST", bodyBytes: 7, close: true });
  assert.match(upload, /\r\nContent-Length: 7\r\nConnection: close\r\n\r\n$/);
});

test("wrk gets the same headers and its line of numbers is read back", () => {
  assert.equal(wrkScript(getShape(0)).match(/wrk\.headers\[/g)?.length, 11);
  const result = parseWrk("Running 1s test\nBENCH 5000 1000000 3 450 700 1200 4100\n");
  assert.deepEqual([result.completed, result.seconds, result.errors], [5000, 1, 3]);
  assert.equal(result.latencyMicros?.p999, 4100);
  assert.throws(() => parseWrk("unable to connect"), /no result:\s+unable to connect/);
});
