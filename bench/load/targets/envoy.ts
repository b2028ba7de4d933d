// Envoy: the judge and the incumbent. One worker, no hot restart, everything else as it ships.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPeer } from "../../../test/kit/find-envoy.ts";
import { freePorts } from "../processes/spawn.ts";
import { httpBootstrap, tcpBootstrap } from "./envoy-config.ts";
import { launch, versionLine } from "./launch.ts";
import type { RunningTarget, Target, TargetSetup } from "./target.ts";

const FLAGS = ["--disable-hot-restart", "--log-level", "warn"];

export function envoyTarget(): Target {
  const envoy = findPeer("envoy");
  return {
    name: "envoy",
    version: envoy === null ? "" : versionLine(envoy, ["--version"]).replace(/^.*version: /, ""),
    flags: `envoy --concurrency 1 ${FLAGS.join(" ")} -c bootstrap.yaml (access log to a file, default format; stats on)`,
    modes: ["http", "tcp"],
    missing: envoy === null ? "not installed (set OUTRIGGER_ENVOY)" : null,
    start: (setup) => startWithBootstrap(setup, [envoy ?? "envoy", ...FLAGS, "-c"]),
  };
}

/** Writes the shared bootstrap and runs `command FILE`. Outrigger is started the same way. */
export async function startWithBootstrap(
  setup: TargetSetup,
  command: readonly string[],
): Promise<RunningTarget> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const values = {
    listenerPort: port,
    adminPort,
    upstreamPort: setup.upstreamPort,
    accessLogPath: join(setup.folder, "access.log"),
  };
  const file = join(setup.folder, "bootstrap.yaml");
  const common = setup.mode === "http" ? httpBootstrap : tcpBootstrap;
  writeFileSync(file, (setup.bootstrap ?? common)(values, setup.folder));
  const threads = ["--concurrency", String(setup.concurrency ?? 1)];
  return launch({ setup, command: [...command, file, ...threads], port, adminPort });
}
