// The raw HTTP/1 corpus (RFC 9110, RFC 9112): what a bad or ambiguous message gets at the door, and
// what of it may reach the other side. Extend requests.md and responses.md; corpus.ts says how.
// CORPUS_SUBJECT=envoy runs it on Envoy instead, to see where the expectations are stricter.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Side } from "../../differential/side.ts";
import { findEnvoy } from "../../kit/find-envoy.ts";
import { envoyCommand, outriggerCommand } from "../../kit/proxy-process.ts";
import { readCorpus, toBytes, toReadable } from "./corpus.ts";
import {
  doorMatches,
  expectations,
  missingRequests,
  play,
  startCorpusProxy,
  unexpectedRequests,
} from "./door.ts";

const subject =
  process.env["CORPUS_SUBJECT"] === "envoy"
    ? envoyCommand(findEnvoy() ?? "envoy")
    : outriggerCommand();

const corpus = (name: string): ReturnType<typeof readCorpus> =>
  readCorpus(readFileSync(new URL(name, import.meta.url), "utf8"));

describe("the corpus itself", () => {
  test("has at least 200 requests and 60 responses, each with a name of its own", () => {
    const requests = corpus("requests.md");
    const responses = corpus("responses.md");
    assert.ok(requests.length >= 200);
    assert.ok(responses.length >= 60);
    for (const file of [requests, responses]) {
      const titles = file.map((one) => one.title);
      const repeated = titles.filter((title, i) => titles.indexOf(title) !== i);
      assert.deepEqual(repeated, []);
    }
  });

  test("escapes and unescapes bytes", () => {
    const bytes = "a\r\tb\x00\xff\\";
    assert.equal(toBytes(toReadable(bytes)), bytes);
    assert.equal(toBytes("{ab*3}\\r\\n\n"), "ababab\r\n");
  });

  test("a door line may leave out details and the end", () => {
    assert.ok(doorMatches("400", "400 http1.codec_error, close"));
    assert.ok(doorMatches("400 http1.codec_error, close", "400 http1.codec_error, close"));
    assert.ok(!doorMatches("400 http1.codec_error", "400 http1.invalid_url, close"));
    assert.ok(!doorMatches("400, open", "400 http1.codec_error, close"));
    assert.ok(!doorMatches("200", "200, 200, open"));
    assert.ok(doorMatches("426 or 400, close", "400 http1.codec_error, close"));
  });
});

/** Most of the time is waiting for silence, so several proxies share the cases. */
const SHARDS = 4;

describe("the corpus on a running proxy", { concurrency: true }, () => {
  const cases = ["requests.md", "responses.md"].flatMap((name) =>
    corpus(name).map((one) => ({ ...one, file: name })),
  );
  for (let shard = 0; shard < SHARDS; shard++) {
    describe(`part ${shard + 1} of ${SHARDS}`, { concurrency: 1 }, () => {
      let side: Side;
      before(async () => {
        side = await startCorpusProxy(subject);
      });
      after(() => side?.stop());
      for (const one of cases.filter((_, i) => i % SHARDS === shard)) {
        test(`${one.file}: ${one.title}`, async () => {
          const seen = await play(side, one, expectations(one.door));
          assert.ok(side.running, `the process died:\n${side.stderr.slice(-2000)}`);
          assert.ok(doorMatches(one.door, seen.door), `door: "${seen.door}", not "${one.door}"`);
          assert.deepEqual(unexpectedRequests(one, seen), [], "reached the upstream");
          assert.deepEqual(missingRequests(one, seen), [], "did not reach the upstream");
        });
      }
    });
  }
});
