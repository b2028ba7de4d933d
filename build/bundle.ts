// Builds dist/: one bundle per entry with shared chunks and source maps, the files they read, and
// the launcher. Native packages stay outside. Run by `npm run build` and, on install, by `prepare`.
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildResult, build, type Plugin } from "esbuild";
import { bundleBench } from "./bundle-bench.ts";
import { findEntries, outputName, rewriteAddresses } from "./entries.ts";
import { launcherText } from "./launcher.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "src/main.ts");
const OUTPUT = join(ROOT, "dist");

/** Loaded from node_modules at run time: native code cannot be bundled. */
const EXTERNAL = ["koffi"];

/** CommonJS packages inside an ESM bundle ask for `require`. */
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module";' +
  "const require = __createRequire(import.meta.url);";

function addressPlugin(assets: Set<string>): Plugin {
  return {
    name: "addresses",
    setup({ onLoad }): void {
      onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const found = rewriteAddresses(path, await readFile(path, "utf8"));
        for (const asset of found.assets) assets.add(asset);
        return { contents: found.text, loader: "ts" };
      });
    },
  };
}

async function bundle(assets: Set<string>): Promise<BuildResult> {
  return build({
    absWorkingDir: ROOT,
    entryPoints: findEntries(MAIN).map((path) => ({
      in: path,
      out: outputName(path).replace(/\.js$/, ""),
    })),
    outdir: OUTPUT,
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: EXTERNAL,
    banner: { js: REQUIRE },
    plugins: [addressPlugin(assets)],
    minifySyntax: true,
    // Whitespace is a third of the text, and V8 keeps the text: 756 → 450 KB. Names stay for stack
    // traces.
    minifyWhitespace: true,
    keepNames: false,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "linked",
    logLevel: "warning",
  });
}

async function main(): Promise<void> {
  if (!existsSync(MAIN)) {
    console.error("SKIPPED build: src/main.ts does not exist");
    return;
  }
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT);
  const assets = new Set<string>();
  await bundle(assets);
  await bundleBench(ROOT, OUTPUT);
  for (const asset of assets) copyFileSync(asset, join(OUTPUT, outputName(asset)));
  const launcher = join(OUTPUT, "outrigger");
  writeFileSync(launcher, launcherText("outrigger.js"));
  chmodSync(launcher, 0o755);
}

await main();
