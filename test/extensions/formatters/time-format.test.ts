// strftime as Envoy formats it, and the edges of its cache.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ISO_FORMAT,
  invalidTimeSpecifier,
  TimeFormat,
} from "../../../src/extensions/formatters/time-format.ts";

/** Friday 2026-11-20 08:11:37.788238 UTC. */
const AT = Date.UTC(2026, 10, 20, 8, 11, 37) + 788.238;

/** As printed by Envoy 1.37 at that moment. */
const CASES: readonly (readonly [string, string])[] = [
  [ISO_FORMAT, "2026-11-20T08:11:37.788Z"],
  ["%E3S|%E*S|%f|%3f|%6f|%1f", "37.788|37.788238|788238000|788|788238|7"],
  ["%s|%3s", "1795162297|1795162297"],
  ["%Z|%z|%Ez", "UTC|+0000|+00:00"],
  ["%c", "Fri Nov 20 08:11:37 2026"],
  ["%x|%X|%D|%e|%j", "11/20/26|08:11:37|11/20/26|20|324"],
  ["%U|%W|%V|%G|%g", "46|46|47|2026|26"],
  ["%p|%P|%k|%l|%y|%C", "AM|am| 8| 8|26|20"],
  ["%u|%w|%h|%a|%A|%B|%b", "5|5|Nov|Fri|Friday|November|Nov"],
  [
    "%R|%r|%T|%F|%I|%d|%m|%M|%H|%S|%Y|%%",
    "08:11|08:11:37 AM|08:11:37|2026-11-20|08|20|11|11|08|37|2026|%",
  ],
  ["[%t]", "[\t]"],
  ["%E4Y%ET%E0S", "2026T37"],
];

for (const [format, text] of CASES) {
  test(`${format} prints ${text}`, () => {
    assert.equal(invalidTimeSpecifier(format), null);
    assert.equal(new TimeFormat(format, null).format(AT), text);
  });
}

test("milliseconds change within a cached second, and seconds change the rest", () => {
  const format = new TimeFormat(ISO_FORMAT, null);
  const start = Date.UTC(2024, 1, 28, 23, 59, 59);
  assert.equal(format.format(start), "2024-02-28T23:59:59.000Z");
  assert.equal(format.format(start + 9.9), "2024-02-28T23:59:59.009Z");
  assert.equal(format.format(start + 999), "2024-02-28T23:59:59.999Z");
  assert.equal(format.format(start + 1000), "2024-02-29T00:00:00.000Z");
  assert.equal(format.format(start), "2024-02-28T23:59:59.000Z");
});

test("ISO weeks belong to the year of their Thursday", () => {
  const week = new TimeFormat("%G-W%V", null);
  assert.equal(week.format(Date.UTC(2021, 0, 3)), "2020-W53");
  assert.equal(week.format(Date.UTC(2024, 11, 30)), "2025-W01");
});

test("local time is ahead of UTC by the zone's offset", () => {
  const local = new TimeFormat("%F %T %z", (wallMs) => (wallMs < AT ? 330 : 0));
  assert.equal(local.format(AT), "2026-11-20 13:41:37 +0530");
  const west = new TimeFormat("%F %H %z", () => -300);
  assert.equal(west.format(Date.UTC(2026, 0, 1, 3)), "2025-12-31 22 -0500");
});

test("unknown specifiers are found", () => {
  assert.equal(invalidTimeSpecifier("%Y %Q"), "%Q");
  assert.equal(invalidTimeSpecifier("50%"), "%");
});
