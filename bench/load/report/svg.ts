// Small plots as inline SVG: bars with ranges, and latency curves. No script, no outside asset.
import type { Spread } from "./result.ts";

export interface BarRow {
  readonly label: string;
  readonly spread: Spread;
  readonly color: string;
}

export interface Curve {
  readonly label: string;
  readonly color: string;
  /** Percentile in 0..100 and value. */
  readonly points: readonly (readonly [number, number])[];
}

const WIDTH = 720;
const LABEL_WIDTH = 150;
const ROW_HEIGHT = 24;
const COLORS = [
  "#3b6fb6",
  "#c2572b",
  "#2f8f6b",
  "#8a4fa3",
  "#b08a1e",
  "#4d4d4d",
  "#b03a5b",
  "#2a9db0",
];

/** One colour per name, the same in every plot of a report. */
export function colorOf(name: string, names: readonly string[]): string {
  const index = Math.max(0, names.indexOf(name));
  return COLORS[index % COLORS.length] as string;
}

/** Horizontal bars: median as bar, minimum to maximum as a line. */
export function barPlot(title: string, unit: string, rows: readonly BarRow[]): string {
  const highest = Math.max(...rows.map((row) => row.spread.max), Number.MIN_VALUE);
  const scale = (WIDTH - LABEL_WIDTH - 90) / highest;
  const height = rows.length * ROW_HEIGHT + 8;
  const bars = rows.map((row, index) => {
    const y = index * ROW_HEIGHT + 4;
    const { median, min, max } = row.spread;
    const at = (value: number): string => (LABEL_WIDTH + Math.max(0, value) * scale).toFixed(1);
    const middle = y + ROW_HEIGHT / 2 - 2;
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${y + 14}" text-anchor="end">${escapeText(row.label)}</text>` +
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${(Math.max(0, median) * scale).toFixed(1)}" height="${ROW_HEIGHT - 6}" fill="${row.color}"/>` +
      `<line x1="${at(min)}" x2="${at(max)}" y1="${middle}" y2="${middle}" class="range"/>` +
      `<text x="${Number(at(max)) + 6}" y="${y + 14}">${formatNumber(median)}</text>`
    );
  });
  return figure(`${title} (${unit})`, height, bars.join(""));
}

/** Latency by percentile: the x axis stretches towards 99.9, as HdrHistogram plots do. */
export function percentilePlot(title: string, curves: readonly Curve[]): string {
  const height = 240;
  const values = curves.flatMap((curve) => curve.points.map(([, value]) => value));
  const low = Math.log10(Math.max(1, Math.min(...values)));
  const high = Math.log10(Math.max(10, ...values));
  const x = (percentile: number): number =>
    40 + (Math.log10(1 / (1 - percentile / 100)) / 3) * (WIDTH - 180);
  const y = (value: number): number =>
    height -
    24 -
    ((Math.log10(Math.max(1, value)) - low) / Math.max(0.1, high - low)) * (height - 40);
  const lines = curves.map((curve, index) => {
    const path = curve.points
      .map(([p, value]) => `${x(p).toFixed(1)},${y(value).toFixed(1)}`)
      .join(" ");
    return (
      `<polyline points="${path}" fill="none" stroke="${curve.color}" stroke-width="2"/>` +
      `<text x="${WIDTH - 130}" y="${20 + index * 16}" fill="${curve.color}">${escapeText(curve.label)}</text>`
    );
  });
  const ticks = [0, 50, 90, 99, 99.9].map(
    (p) => `<text x="${x(p).toFixed(1)}" y="${height - 4}" text-anchor="middle">p${p}</text>`,
  );
  const marks = decades(low, high).map(
    (value) =>
      `<line x1="40" x2="${WIDTH - 140}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" class="grid"/>` +
      `<text x="36" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${formatNumber(value)}</text>`,
  );
  return figure(`${title} (µs, logarithmic)`, height, [...marks, ...lines, ...ticks].join(""));
}

function decades(low: number, high: number): readonly number[] {
  const values: number[] = [];
  for (let power = Math.ceil(low); power <= high; power++) values.push(10 ** power);
  return values;
}

function figure(caption: string, height: number, body: string): string {
  return (
    `<figure><figcaption>${escapeText(caption)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${body}</svg></figure>`
  );
}

/** Three significant digits, thousands as they are. */
export function formatNumber(value: number): string {
  if (value >= 1000) return Math.round(value).toString();
  return Number(value.toPrecision(3)).toString();
}

export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
