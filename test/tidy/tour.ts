// The layer picture in src/README.md: rendered from the layer table, compared by a test.
import { LAYERS } from "./layers.ts";
import type { SourceTree } from "./source-tree.ts";

const TOUR = "src/README.md";
const BLOCK = /<!-- layers -->\n```\n([\s\S]*?)```\n<!-- \/layers -->/;

/** The table as the tour shows it, highest layer first. */
export function renderLayers(): string {
  const numbers = [...new Set(LAYERS.map((layer) => layer.number))].sort((a, b) => b - a);
  const rows = numbers.flatMap((number) => {
    const layers = LAYERS.filter((layer) => layer.number === number);
    return layers.map(({ folder, about }, index) => {
      const label = index === 0 ? String(number).padStart(2) : "  ";
      return `${label}  ${folder.padEnd(12)}${about}`;
    });
  });
  return `${rows.join("\n")}\n`;
}

/** The tour shows the table as it is. */
export function checkTour(tree: SourceTree): string[] {
  const shown = BLOCK.exec(tree.get(TOUR)?.text ?? "")?.[1];
  if (shown === renderLayers()) return [];
  return [`${TOUR}: between <!-- layers --> marks, show in a code block:\n${renderLayers()}`];
}

/** Every run-time dependency is explained in the tour. */
export function checkDependencyReasons(tree: SourceTree): string[] {
  const manifest = JSON.parse(tree.get("package.json")?.text ?? "{}") as {
    dependencies?: Record<string, string>;
  };
  const tour = tree.get(TOUR)?.text ?? "";
  return Object.keys(manifest.dependencies ?? {})
    .filter((name) => !tour.includes(`\`${name}\``))
    .map((name) => `${name} is a dependency without a reason: write it into ${TOUR}`);
}
