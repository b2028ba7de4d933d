// `npm run test:differential [-- words]`: compares Outrigger with Envoy case by case.
//   words               only cases whose `group/name` contains all of them
//   --subject=envoy     Envoy against itself: shows that the suite is deterministic
//   --report=FILE       differences grouped by cause, as Markdown
//   --show              prints everything that Envoy did, to write facts from
//   --list              names only
import { writeFileSync } from "node:fs";
import { requirePeer } from "../kit/find-envoy.ts";
import { envoyCommand, outriggerCommand } from "../kit/proxy-process.ts";
import { loadAccepted } from "./differences.ts";
import { groups } from "./groups.ts";
import { printDifferences } from "./outcome.ts";
import { writeReport } from "./report.ts";
import { type CaseResult, runGroups } from "./runner.ts";

const flags = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const words = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

function flag(name: string): string | null {
  const found = flags.find((one) => one === `--${name}` || one.startsWith(`--${name}=`));
  return found === undefined ? null : found.slice(name.length + 3);
}

function print(result: CaseResult, subject: string): void {
  if (flag("show") !== null && result.judged) {
    console.log(`${result.name}`);
    for (const [key, value] of result.judged) console.log(`  ${key} = ${JSON.stringify(value)}`);
  }
  if (result.counts) {
    const [left, right, p] = result.counts;
    console.log(`DIST ${result.name}: p ${p.toPrecision(3)} (${result.durationMs | 0} ms)`);
    console.log(`  envoy ${left}\n  ${subject} ${right}`);
  }
  for (const play of result.once) {
    console.log(`ONCE ${result.name}: differed, and agreed when played again`);
    for (const problem of play.problems) console.log(`  ${problem}`);
    console.log(printDifferences(play.unexplained, "envoy", subject));
  }
  const bad = result.unexplained.length > 0 || result.problems.length > 0;
  if (!bad) {
    if (flag("verbose") !== null) console.log(`ok   ${result.name} (${result.durationMs | 0} ms)`);
    return;
  }
  console.log(`FAIL ${result.name}${result.note ? `  [${result.note}]` : ""}`);
  for (const problem of result.problems) console.log(`  ${problem}`);
  if (result.unexplained.length > 0) {
    console.log(printDifferences(result.unexplained, "envoy", subject));
  }
}

async function main(): Promise<number> {
  const names = groups.flatMap((group) =>
    [...group.cases, ...(group.distributions ?? [])].map((one) => `${group.name}/${one.name}`),
  );
  const chosen = (name: string): boolean => words.every((word) => name.includes(word));
  if (flag("list") !== null) {
    console.log(names.filter(chosen).join("\n"));
    return 0;
  }
  const envoy = requirePeer("envoy");
  if (envoy.skip) return 0;
  const self = flag("subject") === "envoy";
  const judge = envoyCommand(envoy.path);
  const subject = self ? { ...judge, name: "envoy-again" } : outriggerCommand();
  const accepted = self ? [] : loadAccepted();
  const onResult = (result: CaseResult): void => print(result, subject.name);
  const began = performance.now();
  const options = { judge, subject, accepted, chosen, onResult };
  const results = await runGroups(groups, options, 2);
  const failed = results.filter((one) => one.unexplained.length > 0 || one.problems.length > 0);
  const used = new Set(results.flatMap((one) => one.used));
  const stale = words.length > 0 ? [] : accepted.filter((entry) => !used.has(entry));
  for (const entry of stale) console.log(`STALE differences.md, "${entry.title}": nothing differs`);
  const report = flag("report");
  if (report) writeFileSync(report, writeReport(results));
  const once = results.filter((one) => one.once.length > 0);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${results.length} cases, ${failed.length} with unexplained differences, ` +
      `${once.length} differed once, ${used.size} accepted differences, ${stale.length} stale (${seconds} s)`,
  );
  return failed.length + stale.length > 0 ? 1 : 0;
}

process.exitCode = await main();
