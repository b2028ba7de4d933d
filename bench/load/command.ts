// The command: options in, scenarios run, table on stdout, JSON and HTML into files.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { findPeer } from "../../test/kit/find-envoy.ts";
import { Lab } from "./lab.ts";
import { describeMachine } from "./machine.ts";
import { type BenchOptions, HELP, parseOptions } from "./options.ts";
import { killAll } from "./processes/spawn.ts";
import { createProgress } from "./progress.ts";
import { renderHtml } from "./report/html.ts";
import type { BenchResult, Verdict } from "./report/result.ts";
import { renderTables, renderVerdicts } from "./report/table.ts";
import { chooseScenarios } from "./scenarios/all.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { chooseTargets } from "./targets/all.ts";
import { versionLine } from "./targets/launch.ts";
import type { Target } from "./targets/target.ts";

/** Runs the harness; answers the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  let plan: Plan;
  try {
    options = parseOptions(args);
    plan = { scenarios: chooseScenarios(options), targets: chooseTargets(options) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "outrigger-bench-"));
  const leave = (): void => process.exit(130);
  process.once("SIGINT", leave);
  process.once("SIGTERM", leave);
  process.once("exit", () => {
    killAll();
    rmSync(folder, { recursive: true, force: true });
  });
  const result = await runAll(options, plan, folder, args);
  writeReport(options, result);
  const missed = result.verdicts.some((verdict) => verdict.pass === false);
  return missed ? 1 : 0;
}

interface Plan {
  readonly scenarios: readonly Scenario[];
  readonly targets: readonly Target[];
}

async function runAll(
  options: BenchOptions,
  { scenarios, targets }: Plan,
  folder: string,
  args: readonly string[],
): Promise<BenchResult> {
  const startedAt = new Date();
  const wrk = findPeer("wrk");
  const wrkVersion = wrk === null ? "" : versionLine("sh", ["-c", `"${wrk}" -v 2>&1; true`]);
  const machine = describeMachine(wrkVersion);
  printHeader(machine, targets);
  const progress = createProgress();
  const lab = new Lab({
    options,
    folder,
    targets: targets.filter((target) => target.missing === null),
    entryScript: resolve(process.argv[1] as string),
    progress: progress.show,
  });
  const verdicts: Verdict[] = [];
  await lab.open();
  try {
    for (const scenario of scenarios) {
      await scenario.run(lab);
      if (scenario.judge !== undefined) verdicts.push(...scenario.judge(lab));
    }
  } finally {
    progress.clear();
    await lab.close();
  }
  return {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    commandLine: ["npm run bench --", ...args].join(" "),
    machine,
    targets: targets.map(({ name, version, flags, missing }) => ({
      name,
      version,
      flags,
      missing,
    })),
    notes: lab.notes,
    samples: lab.samples,
    verdicts,
  };
}

function printHeader(machine: Readonly<Record<string, string>>, targets: readonly Target[]): void {
  const lines = Object.entries(machine).map(([name, value]) => `${name.padEnd(10)} ${value}`);
  for (const target of targets) {
    const text =
      target.missing === null
        ? `${target.version} | ${target.flags}`
        : `left out: ${target.missing}`;
    lines.push(`${target.name.padEnd(14)} ${text}`);
  }
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

function writeReport(options: BenchOptions, result: BenchResult): void {
  const stamp = result.startedAt.replace(/[:.]/g, "-");
  const results = existsSync(join("bench", "load")) ? join("bench", "results") : "bench-results";
  const jsonPath = options.jsonPath ?? join(results, stamp, "result.json");
  const htmlPath = options.htmlPath ?? join(dirname(jsonPath), "report.html");
  for (const path of [jsonPath, htmlPath]) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(jsonPath, `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(htmlPath, renderHtml(result));
  const parts = [renderTables(result.samples)];
  if (result.verdicts.length > 0) parts.push(renderVerdicts(result.verdicts));
  if (result.notes.length > 0) parts.push(result.notes.map((note) => `note: ${note}`).join("\n"));
  parts.push(`${Math.round(result.seconds)} s; ${jsonPath}; ${htmlPath}`);
  process.stdout.write(`${parts.join("\n\n")}\n`);
}
