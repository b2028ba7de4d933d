// The harness itself: comparing, normalising, explaining. The comparison with Envoy is `run.ts`
// (`npm run test:differential`).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { placeholders, substitute } from "./bootstrap.ts";
import { header, noHeader } from "./case.ts";
import { explain, loadAccepted, readAccepted } from "./differences.ts";
import { chiSquareTail, hasShares, sameDistribution } from "./distribution.ts";
import { groups } from "./groups.ts";
import { compare, type Outcome, OutcomeBuilder, printDifferences, renamed } from "./outcome.ts";
import { neverSeen, type Play, subjectVaried } from "./verdict.ts";

const build = (fill: (builder: OutcomeBuilder) => void): ReadonlyMap<string, string> => {
  const builder = new OutcomeBuilder(new Map([["4711", "<port:main>"]]), false);
  fill(builder);
  return builder.outcome;
};

const play = (judge: string, subject: string): Play => {
  const outcome = (value: string): Outcome => new Map([["end", value]]);
  const unexplained = compare(outcome(judge), outcome(subject));
  return {
    judge: outcome(judge),
    subject: outcome(subject),
    unexplained,
    problems: [],
    died: false,
  };
};

describe("differential harness", () => {
  test("at least 250 cases run, each with a name of its own", () => {
    const names = groups.flatMap((group) =>
      [...group.cases, ...(group.distributions ?? [])].map((one) => `${group.name}/${one.name}`),
    );
    assert.ok(names.length >= 250);
    const repeated = names.filter((name, i) => names.indexOf(name) !== i);
    assert.deepEqual(repeated, []);
  });

  test("every vector section of the reference has cases", () => {
    const names = groups.flatMap((group) => group.cases.map((one) => one.name)).join("\n");
    for (const section of ["10.1:", "10.4:", "10.5:", "10.14:", "10.18:"]) {
      assert.ok(names.includes(section), section);
    }
  });

  test("ports become names, but not inside longer numbers", () => {
    const outcome = build((builder) => {
      builder.set("a", "127.0.0.1:4711");
      builder.set("b", "14711");
    });
    assert.equal(outcome.get("a"), "127.0.0.1:<port:main>");
    assert.equal(outcome.get("b"), "14711");
  });

  test("durations of a log line are compared by kind only", () => {
    const one = build((builder) => builder.logLine("log.0", '{"duration":3,"code":200}'));
    const two = build((builder) => builder.logLine("log.0", '{"code":200,"duration":9}'));
    const none = build((builder) => builder.logLine("log.0", '{"code":200,"duration":null}'));
    assert.deepEqual(compare(one, two), []);
    assert.deepEqual(
      compare(one, none).map((difference) => difference.key),
      ["log.0.duration"],
    );
  });

  test("the order of headers is a difference", () => {
    const message = (headers: readonly string[]): ReadonlyMap<string, string> =>
      build((builder) =>
        builder.message("m", {
          startLine: "HTTP/1.1 200 OK",
          headers,
          framing: "none",
          body: "",
          trailers: [],
          complete: true,
        }),
      );
    const differences = compare(message(["a: 1", "b: 2"]), message(["b: 2", "a: 1"]));
    assert.equal(differences.length, 1);
    assert.match(printDifferences(differences, "envoy", "outrigger"), /^ {4}[-+] [ab]: \d$/m);
  });

  test("a port's digits inside an id are part of the id", () => {
    const id = "904b4970-fef1-4fa4-9d7a-3d3b4711eb86";
    assert.equal(
      build((builder) => builder.set("a", `x ${id} 4711`)).get("a"),
      "x <uuid> <port:main>",
    );
    const kept = new OutcomeBuilder(new Map([["4711", "<port:main>"]]), true);
    kept.set("a", id);
    assert.equal(kept.outcome.get("a"), id);
  });

  test("a difference that goes away is the subject's when the judge stayed the same", () => {
    assert.deepEqual(subjectVaried([play("closed", "open"), play("open", "open")]), []);
    const ours = subjectVaried([play("closed", "open"), play("closed", "closed")]);
    assert.deepEqual(ours, [{ key: "end", judge: "closed", subject: "open" }]);
  });

  test("what the judge does too in some play is not the subject's own", () => {
    const varied = subjectVaried([play("closed", "open"), play("closed", "closed")]);
    assert.deepEqual(neverSeen(varied, [new Map([["end", "open"]])]), []);
    assert.equal(neverSeen(varied, [new Map([["end", "closed"]])]).length, 1);
  });

  test("the tail of chi-square is that of the tables", () => {
    const table: readonly [statistic: number, degrees: number, p: number][] = [
      [3.841459, 1, 0.05],
      [6.634897, 1, 0.01],
      [18.307038, 10, 0.05],
      [23.209251, 10, 0.01],
      [124.342113, 100, 0.05],
      [0.003932, 1, 0.95],
      [70.064895, 100, 0.99],
      [27.631021, 2, 1e-6],
    ];
    for (const [statistic, degrees, p] of table) {
      const found = chiSquareTail(statistic, degrees);
      assert.ok(Math.abs(found / p - 1) < 1e-4, `${statistic}, ${degrees}: ${found}`);
    }
  });

  test("samples of one distribution agree, of two they do not", () => {
    const counts = (a: number, b: number): ReadonlyMap<string, number> =>
      new Map(Object.entries({ a, b }));
    assert.ok(sameDistribution(counts(10_000, 10_000), counts(10_080, 9_920)) > 0.1);
    assert.ok(sameDistribution(counts(10_000, 10_000), counts(10_400, 9_600)) < 1e-4);
    assert.ok(sameDistribution(counts(10_000, 10_000), counts(10_600, 9_400)) < 1e-6);
    assert.equal(hasShares(counts(5_000, 15_000), { a: 25, b: 75 }), 1);
    assert.ok(hasShares(counts(5_400, 14_600), { a: 1, b: 3 }) < 1e-6);
    assert.equal(hasShares(counts(1, 2), { a: 1 }), 0);
  });

  test("upstreams that are alike are named in the order they are reached", () => {
    const outcome = new Map([
      ["upstream.up2.0.body", "up2"],
      ["log.0.host", "<upstream:up2>, not up10 or up1"],
    ]);
    assert.deepEqual(
      [...renamed(outcome, ["up2", "up1"])],
      [
        ["upstream.up1.0.body", "up1"],
        ["log.0.host", "<upstream:up1>, not up10 or up2"],
      ],
    );
    assert.equal(renamed(outcome, []), outcome);
  });

  test("an accepted difference explains its keys and no others", () => {
    const accepted = readAccepted(
      "# T\n\n## one\n- cases: `g/a*`\n- keys: `log.*.code`, `x`\nBecause.\n",
    );
    const differences = [
      { key: "log.0.code", judge: "1", subject: "2" },
      { key: "log.0.flags", judge: "1", subject: "2" },
    ];
    const { unexplained, used } = explain("g/abc", differences, accepted);
    assert.deepEqual(
      unexplained.map((difference) => difference.key),
      ["log.0.flags"],
    );
    assert.equal(used.length, 1);
    assert.equal(explain("g/b", differences, accepted).unexplained.length, 2);
  });

  test("an accepted difference may need another one beside it", () => {
    const accepted = readAccepted("## one\n- cases: `*`\n- keys: `a`, `b`\n- beside: `b`\nSo.\n");
    const a = { key: "a", judge: "1", subject: "2" };
    const b = { key: "b", judge: "1", subject: "2" };
    assert.equal(explain("g/x", [a], accepted).unexplained.length, 1);
    assert.equal(explain("g/x", [a, b], accepted).unexplained.length, 0);
  });

  test("an accepted difference needs a reason", () => {
    assert.throws(() => readAccepted("## one\n- cases: `a`\n- keys: `b`\n"), /reason/);
    assert.doesNotThrow(loadAccepted);
  });

  test("placeholders become ports as numbers and text inside strings", () => {
    const message = { port_value: "@port:main@", text: "x:@port:main@" };
    assert.deepEqual(placeholders(message, "port"), ["main"]);
    assert.deepEqual(substitute(message, new Map([["@port:main@", "81"]])), {
      port_value: 81,
      text: "x:81",
    });
  });

  test("header facts look at whole lines", () => {
    assert.match("a: 1\nb: 2", header("b", "2"));
    assert.doesNotMatch("a: 1\nb: 23", header("b", "2"));
    assert.match("a: 1\nb: 2", noHeader("c"));
    assert.doesNotMatch("a: 1\nb: 2", noHeader("b"));
  });
});
