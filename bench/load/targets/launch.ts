// The common way from a command line to a running, answering target.
import type { ChildProcess } from "node:child_process";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { accepts, answers, PROXY_CORE, start, waitUntil } from "../processes/spawn.ts";
import type { RunningTarget, TargetSetup } from "./target.ts";

export interface Launch {
  readonly setup: TargetSetup;
  readonly command: readonly string[];
  readonly port: number;
  /** Programs with an admin page are ready when `/ready` says 200. */
  readonly adminPort?: number;
  readonly stdoutPath?: string;
}

/** Starts a program on the proxy core and waits until it accepts (and says it is ready). */
export async function launch(request: Launch): Promise<RunningTarget> {
  const logPath = join(request.setup.folder, "output.log");
  const begin = performance.now();
  const child: ChildProcess = start({
    command: request.command,
    cores: request.setup.cores ?? String(PROXY_CORE),
    logPath,
    direct: request.setup.direct,
    ...(request.stdoutPath === undefined ? {} : { stdoutPath: request.stdoutPath }),
  });
  await waitUntil(() => accepts(request.port), child, logPath);
  const adminPort = request.adminPort;
  if (adminPort !== undefined) {
    await waitUntil(() => answers(adminPort, "/ready", 200), child, logPath);
  }
  const readyMs = performance.now() - begin;
  const known = adminPort === undefined ? {} : { adminPort };
  return { child, port: request.port, readyMs, ...known };
}

/** First line of what a program prints when asked for its version; "" when it cannot be run. */
export function versionLine(command: string, args: readonly string[]): string {
  try {
    const text = execFileSync(command, [...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 10_000,
    });
    return text.trim().split("\n")[0] ?? "";
  } catch {
    return "";
  }
}
