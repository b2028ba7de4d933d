// Outrigger itself, with the flags it ships with and Envoy's own bootstrap. Several builds can run
// side by side: `--outrigger=old="node … dist-old/outrigger.js"`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_FLAGS } from "../../../src/cli/runtime-flags.ts";
import { startWithBootstrap } from "./envoy.ts";
import { versionLine } from "./launch.ts";
import type { Target } from "./target.ts";

export interface OutriggerBuild {
  readonly name: string;
  /** A shell-free command line, split at spaces; `-c FILE` is added to it. */
  readonly command: string;
}

/** The build in this checkout: the bundle when there is one, else the sources. */
export function defaultBuild(root: string): OutriggerBuild {
  const bundle = join(root, "dist", "outrigger.js");
  return buildOf("outrigger", existsSync(bundle) ? bundle : join(root, "src", "main.ts"));
}

/** Another bundle with the flags that this checkout ships with. */
export function baseBuild(path: string): OutriggerBuild {
  return buildOf("outrigger-base", path);
}

function buildOf(name: string, entry: string): OutriggerBuild {
  return { name, command: [process.execPath, ...RUNTIME_FLAGS, entry].join(" ") };
}

export function outriggerTarget(build: OutriggerBuild): Target {
  const command = build.command.split(" ").filter((word) => word !== "");
  const script = command.find((word) => /\.(js|ts|mjs)$/.test(word));
  const missing = script !== undefined && !existsSync(script) ? `${script} does not exist` : null;
  const [program = "node", ...args] = command;
  return {
    name: build.name,
    version: missing === null ? versionLine(program, [...args, "--version"]) : "",
    flags: `${command.map((word) => word.split("/").slice(-2).join("/")).join(" ")} --concurrency 1 -c bootstrap.yaml (the file Envoy gets)`,
    modes: ["http", "tcp"],
    missing,
    start: (setup) => startWithBootstrap(setup, [...command, "-c"]),
  };
}
