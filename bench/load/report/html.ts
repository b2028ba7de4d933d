// placeholder until the next step
import type { BenchResult } from "./result.ts";
export function renderHtml(result: BenchResult): string {
  return `<pre>${JSON.stringify(result)}</pre>`;
}
