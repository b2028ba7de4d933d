// The npm proxies: fast-proxy and http-proxy-3, in their quickest documented settings. Neither logs
// nor counts anything.
import { createRequire } from "node:module";
import { RUNTIME_FLAGS } from "../../../src/cli/runtime-flags.ts";
import { freePorts } from "../processes/spawn.ts";
import { launch } from "./launch.ts";
import type { RunningTarget, Target, TargetSetup } from "./target.ts";

export function fastProxyTarget(): Target {
  return nodeProxy("fast-proxy", "undici engine, one process, no log, no stats");
}

export function httpProxy3Target(): Target {
  return nodeProxy("http-proxy-3", "http.Agent keepAlive, one process, no log, no stats");
}

function nodeProxy(name: string, flags: string): Target {
  const version = packageVersion(name);
  return {
    name,
    version: version === null ? "" : `${name} ${version}`,
    flags: `node ${RUNTIME_FLAGS.join(" ")}: ${flags}`,
    modes: ["http"],
    missing: version === null ? "npm package not installed" : null,
    start: (setup) => startNodeProxy(setup, name),
  };
}

async function startNodeProxy(setup: TargetSetup, name: string): Promise<RunningTarget> {
  const [port = 0] = await freePorts(1);
  const command = [
    process.execPath,
    ...RUNTIME_FLAGS,
    process.argv[1] as string,
    `@target-${name}`,
    String(port),
    String(setup.upstreamPort),
  ];
  return launch({ setup, command, port });
}

function packageVersion(name: string): string | null {
  try {
    const load = createRequire(import.meta.url);
    const paths = load.resolve.paths(name) ?? [];
    for (const folder of paths) {
      try {
        return (load(`${folder}/${name}/package.json`) as { version: string }).version;
      } catch {
        // Try the next folder.
      }
    }
    return null;
  } catch {
    return null;
  }
}
