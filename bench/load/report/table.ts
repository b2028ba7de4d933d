// Results as plain text tables.
import { noiseOf, type Sample, type Spread, spreadFor, type Verdict } from "./result.ts";

export interface Column {
  readonly metric: string;
  readonly title: string;
  readonly digits: number;
  /** Shows min–max beside the median. */
  readonly range: boolean;
}

export const COLUMNS: readonly Column[] = [
  { metric: "cpuMicrosPerRequest", title: "CPU µs/req", digits: 1, range: true },
  { metric: "busyPercent", title: "busy %", digits: 0, range: false },
  { metric: "requestsPerSecond", title: "rps", digits: 0, range: false },
  { metric: "gigabytesPerCpuSecond", title: "GB/CPU s", digits: 2, range: true },
  { metric: "megabytesPerSecond", title: "MB/s", digits: 0, range: false },
  { metric: "p50Micros", title: "p50 µs", digits: 0, range: false },
  { metric: "p90Micros", title: "p90", digits: 0, range: false },
  { metric: "p99Micros", title: "p99", digits: 0, range: false },
  { metric: "p999Micros", title: "p99.9", digits: 0, range: false },
  { metric: "readyMs", title: "ready ms", digits: 0, range: true },
  { metric: "idleRssMb", title: "idle RSS MB", digits: 1, range: true },
  { metric: "idlePssMb", title: "idle PSS", digits: 1, range: false },
  { metric: "idlePrivateMb", title: "idle private", digits: 1, range: false },
  { metric: "rssGrowthMb", title: "RSS growth MB", digits: 1, range: true },
  { metric: "rssKbPerConnection", title: "KB RSS/conn", digits: 1, range: true },
  { metric: "pssKbPerConnection", title: "KB PSS/conn", digits: 1, range: false },
  { metric: "privateKbPerConnection", title: "KB private/conn", digits: 1, range: false },
  { metric: "rssMb", title: "RSS MB", digits: 1, range: false },
  { metric: "pssMb", title: "PSS", digits: 1, range: false },
  { metric: "privateMb", title: "private", digits: 1, range: false },
  { metric: "othersPercent", title: "others %", digits: 0, range: false },
  { metric: "connectionSharePercent", title: "connections %", digits: 0, range: true },
  { metric: "workSharePercent", title: "work %", digits: 0, range: true },
  { metric: "peakActive", title: "at once", digits: 0, range: true },
  { metric: "changesWritten", title: "changes", digits: 0, range: false },
  { metric: "changesApplied", title: "applied", digits: 0, range: true },
  { metric: "settleMs", title: "settled ms", digits: 0, range: true },
  { metric: "badHostRequests", title: "to bad host", digits: 0, range: true },
  { metric: "errors", title: "errors", digits: 0, range: true },
];

/** One block per scenario and case; columns that no target has are left out. */
export function renderTables(samples: readonly Sample[]): string {
  const blocks: string[] = [];
  for (const scenario of distinct(samples.map((s) => s.scenario))) {
    const ofScenario = samples.filter((s) => s.scenario === scenario);
    for (const name of distinct(ofScenario.map((s) => s.case))) {
      blocks.push(renderCase(ofScenario.filter((s) => s.case === name)));
    }
  }
  return blocks.join("\n\n");
}

function renderCase(samples: readonly Sample[]): string {
  const first = samples[0] as Sample;
  const targets = distinct(samples.map((s) => s.target));
  const columns = COLUMNS.filter((column) =>
    samples.some((s) => Number.isFinite(s.metrics[column.metric])),
  );
  const rows = targets.map((target) => [
    target,
    ...columns.map((column) => {
      const key = { scenario: first.scenario, case: first.case, target };
      return formatSpread(spreadFor(samples, key, column.metric), column);
    }),
  ]);
  const noise = noiseOf(samples, mainMetric(samples));
  const rounds = Math.max(...samples.map((s) => s.round)) + 1;
  const engines = distinct(samples.map((s) => s.engine)).join("+");
  const noiseText = noise === null ? "" : `, A/A spread ${(noise * 100).toFixed(1)} %`;
  const title = `${first.scenario} · ${first.case}  (engine ${engines}, ${rounds} rounds${noiseText})`;
  return `${title}\n${grid([["target", ...columns.map((c) => c.title)], ...rows])}`;
}

/** The metric by which a case is judged, for its noise figure. */
export function mainMetric(samples: readonly Sample[]): string {
  const has = (metric: string): boolean => samples.some((s) => Number.isFinite(s.metrics[metric]));
  const order = ["cpuMicrosPerRequest", "gigabytesPerCpuSecond", "rssKbPerConnection", "readyMs"];
  return order.find(has) ?? "requestsPerSecond";
}

export function formatSpread(spread: Spread | null, column: Column): string {
  if (spread === null) return "-";
  const median = spread.median.toFixed(column.digits);
  if (!column.range || spread.count < 2) return median;
  return `${median} (${spread.min.toFixed(column.digits)}–${spread.max.toFixed(column.digits)})`;
}

/** The acceptance list: measured, bar, PASS or MISS. */
export function renderVerdicts(verdicts: readonly Verdict[]): string {
  const word = (pass: boolean | null): string => (pass === null ? "n/a" : pass ? "PASS" : "MISS");
  return grid([
    ["acceptance", "measured", "bar", ""],
    ...verdicts.map((v) => [v.text, v.measured, v.bar, word(v.pass)]),
  ]);
}

/** Left-aligned first column, the rest right-aligned. */
export function grid(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
