// Builds dist/bench.js: the load harness as a bundle of its own, so that `outrigger bench` works in
// an installed package and the proxy's bundle does not carry it. The npm proxies it compares with
// are looked up when it runs.
import { join } from "node:path";
import { build } from "esbuild";

/** CommonJS packages inside an ESM bundle ask for `require`. */
const REQUIRE =
  'import { createRequire as __benchRequire } from "node:module";' +
  "const require = __benchRequire(import.meta.url);";

export async function bundleBench(root: string, output: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [{ in: join(root, "bench/load/main.ts"), out: "bench" }],
    outdir: output,
    chunkNames: "bench-[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: ["fast-proxy", "http-proxy-3"],
    banner: { js: REQUIRE },
    legalComments: "linked",
    logLevel: "warning",
  });
}
