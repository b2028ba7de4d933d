// The result as one HTML file: machine, targets, verdicts, plots, tables, and the raw numbers.
import { mergeHistograms } from "../generator/histogram.ts";
import { type BenchResult, type Sample, spreadFor, type Verdict } from "./result.ts";
import { barPlot, colorOf, escapeText, percentilePlot } from "./svg.ts";
import { COLUMNS, distinct, formatSpread, mainMetric } from "./table.ts";

const PERCENTILES: readonly number[] = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9];

const STYLE = `
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1rem; } th, td { padding: 2px 10px; text-align: right;
  border-bottom: 1px solid #ddd; } th:first-child, td:first-child { text-align: left; }
td.text { text-align: left; } figure { margin: 1rem 0; } figcaption { color: #555; }
svg { width: 100%; max-width: 720px; font: 12px system-ui, sans-serif; }
.range { stroke: #000; stroke-width: 1.5; opacity: .6; } .grid { stroke: #ddd; }
.pass { color: #18794e; font-weight: 600; } .miss { color: #c0292b; font-weight: 600; }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e4e4e4; }
  th, td { border-color: #3a3a3a; } svg text { fill: currentColor; } .range { stroke: #fff; }
  .grid { stroke: #333; } figcaption { color: #aaa; } }`;

export function renderHtml(result: BenchResult): string {
  const names = distinct(result.samples.map((sample) => sample.target));
  const parts = [
    `<h1>Outrigger load harness</h1><p>${escapeText(result.startedAt)}, ${Math.round(result.seconds)} s, <code>${escapeText(result.commandLine)}</code></p>`,
    table([["machine", ""], ...Object.entries(result.machine)]),
    table([
      ["target", "version", "flags"],
      ...result.targets.map((t) => [
        t.name,
        t.missing === null ? t.version : "left out",
        t.missing ?? t.flags,
      ]),
    ]),
    result.verdicts.length > 0 ? `<h2>Acceptance</h2>${verdictTable(result.verdicts)}` : "",
    ...distinct(result.samples.map((sample) => sample.scenario)).map((scenario) =>
      renderScenario(scenario, result.samples, names),
    ),
    result.notes.length > 0
      ? `<h2>Notes</h2><ul>${result.notes.map((note) => `<li><pre>${escapeText(note)}</pre></li>`).join("")}</ul>`
      : "",
  ];
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Outrigger load harness</title>` +
    `<style>${STYLE}</style></head><body>${parts.join("\n")}</body></html>\n`
  );
}

function renderScenario(
  scenario: string,
  samples: readonly Sample[],
  names: readonly string[],
): string {
  const own = samples.filter((sample) => sample.scenario === scenario);
  const cases = distinct(own.map((sample) => sample.case));
  const sections = cases.map((name) =>
    renderCase(
      own.filter((sample) => sample.case === name),
      names,
    ),
  );
  return `<h2>${escapeText(scenario)}</h2>${sections.join("\n")}`;
}

function renderCase(samples: readonly Sample[], names: readonly string[]): string {
  const first = samples[0] as Sample;
  const key = (target: string) => ({ scenario: first.scenario, case: first.case, target });
  const targets = distinct(samples.map((sample) => sample.target));
  const metric = mainMetric(samples);
  const unit = COLUMNS.find((column) => column.metric === metric)?.title ?? metric;
  const rows = targets.flatMap((target) => {
    const spread = spreadFor(samples, key(target), metric);
    return spread === null ? [] : [{ label: target, spread, color: colorOf(target, names) }];
  });
  const columns = COLUMNS.filter((column) =>
    samples.some((sample) => Number.isFinite(sample.metrics[column.metric])),
  );
  const cells = targets.map((target) => [
    target,
    ...columns.map((column) =>
      formatSpread(spreadFor(samples, key(target), column.metric), column),
    ),
  ]);
  return (
    `<h3>${escapeText(first.case)}</h3>` +
    (rows.length > 0 ? barPlot(first.case, unit, rows) : "") +
    latencyPlot(samples, targets, names) +
    table([["target", ...columns.map((column) => column.title)], ...cells])
  );
}

function latencyPlot(
  samples: readonly Sample[],
  targets: readonly string[],
  names: readonly string[],
): string {
  const curves = targets.flatMap((target) => {
    const encoded = samples
      .filter((sample) => sample.target === target)
      .flatMap((sample) => (sample.histogram === undefined ? [] : [sample.histogram]));
    const histogram = mergeHistograms(encoded);
    if (histogram === null || histogram.totalCount === 0) return [];
    const points = PERCENTILES.map((p) => [p, histogram.getValueAtPercentile(p)] as const);
    return [{ label: target, color: colorOf(target, names), points }];
  });
  return curves.length === 0 ? "" : percentilePlot("Latency by percentile, all rounds", curves);
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((v) => {
    const word = v.pass === null ? "n/a" : v.pass ? "PASS" : "MISS";
    const mark = v.pass === null ? "" : v.pass ? "pass" : "miss";
    const cells = [v.text, v.measured, v.bar]
      .map((cell) => `<td>${escapeText(cell)}</td>`)
      .join("");
    return `<tr>${cells}<td class="${mark}">${word}</td></tr>`;
  });
  return `<table><tr><th>promise</th><th>measured</th><th>bar</th><th></th></tr>${rows.join("")}</table>`;
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}${cell.length > 40 ? ' class="text"' : ""}>${escapeText(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${line(head, "th")}${body.map((cells) => line(cells, "td")).join("")}</table>`;
}
