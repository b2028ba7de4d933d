// Reads the proxy's own stats and renders them as a table: requests, codes and times per
// destination.

interface Quantiles {
  readonly supported_quantiles: readonly number[];
  readonly computed_quantiles: readonly {
    readonly name: string;
    readonly values: readonly { readonly cumulative: number | null }[];
  }[];
}

type Stat =
  | { readonly name: string; readonly value: number }
  | { readonly histograms: Quantiles };

/** One line of the table. */
export interface DestinationRow {
  readonly name: string;
  readonly requests: number;
  readonly codes: string;
  readonly p50: string;
  readonly p99: string;
}

/** What /stats?format=json says about each cluster. */
export function destinationRows(stats: readonly Stat[], clusters: readonly string[]): DestinationRow[] {
  const counters = new Map(stats.flatMap((stat) => ("name" in stat ? [[stat.name, stat.value]] : [])) as [string, number][]);
  const histograms = stats.flatMap((stat) => ("histograms" in stat ? [stat.histograms] : []));
  return clusters.map((name) => ({
    name,
    requests: counters.get(`cluster.${name}.upstream_rq_total`) ?? 0,
    codes: codesOf(name, counters),
    p50: quantile(histograms, `cluster.${name}.upstream_rq_time`, 50),
    p99: quantile(histograms, `cluster.${name}.upstream_rq_time`, 99),
  }));
}

function codesOf(cluster: string, counters: ReadonlyMap<string, number>): string {
  const prefix = `cluster.${cluster}.upstream_rq_`;
  const codes = [...counters].filter(([name]) => name.startsWith(prefix) && /^\d{3}$/.test(name.slice(prefix.length)));
  return codes.map(([name, count]) => `${name.slice(prefix.length)}×${count}`).join(" ") || "–";
}

function quantile(histograms: readonly Quantiles[], name: string, percent: number): string {
  for (const { supported_quantiles: supported, computed_quantiles: computed } of histograms) {
    const value = computed.find((one) => one.name === name)?.values[supported.indexOf(percent)]?.cumulative;
    // Envoy's histogram counts whole milliseconds.
    if (typeof value === "number") return value < 1 ? "< 1 ms" : `${value.toFixed(1)} ms`;
  }
  return "–";
}

/** The table as lines of text. */
export function renderTable(rows: readonly DestinationRow[]): string[] {
  const total = rows.reduce((sum, row) => sum + row.requests, 0);
  const cells = [
    ["destination", "requests", "share", "codes", "p50", "p99"],
    ...rows.map((row) => [
      row.name,
      String(row.requests),
      total === 0 ? "–" : `${Math.round((100 * row.requests) / total)} %`,
      row.codes,
      row.p50,
      row.p99,
    ]),
  ];
  const widths = (cells[0] as string[]).map((_, column) => Math.max(...cells.map((row) => (row[column] as string).length)));
  return cells.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join("   ")}`.trimEnd());
}
