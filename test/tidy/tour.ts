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

/** Rows of the README's table that list extensions, and their folders. */
const SUPPORT_ROWS: Readonly<Record<string, string>> = {
  "listener filters": "listener-filters",
  "network filters": "network-filters",
  "HTTP filters": "http-filters",
};

/** The README lists exactly the filters that there are. */
export function checkSupportTable(tree: SourceTree): string[] {
  const readme = tree.get("README.md")?.text ?? "";
  return Object.entries(SUPPORT_ROWS).flatMap(([row, kind]) => {
    const cells = readme.split("\n").find((line) => line.startsWith(`| ${row} |`));
    const listed = [...(cells ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1]!);
    const built = filtersOf(tree, kind);
    return [
      ...built
        .filter((name) => !listed.includes(name))
        .map((name) => `README.md: the row "${row}" lacks \`${name}\``),
      ...listed
        .filter((name) => !built.includes(name))
        .map((name) => `README.md: the row "${row}" names \`${name}\`, which is not built`),
    ];
  });
}

/** Names as in Envoy, from folder names. */
function filtersOf(tree: SourceTree, kind: string): string[] {
  const names = new Set<string>();
  for (const path of tree.keys()) {
    const folder = new RegExp(`^src/extensions/${kind}/([^/]+)/`).exec(path)?.[1];
    if (folder !== undefined) names.add(folder.replaceAll("-", "_"));
  }
  return [...names];
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
