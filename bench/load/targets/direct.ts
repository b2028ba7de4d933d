// "No proxy": the generator talks to the upstream itself. The floor that latency is compared with.
import type { RunningTarget, Target, TargetSetup } from "./target.ts";

export function directTarget(): Target {
  return {
    name: "direct",
    version: "no proxy",
    flags: "the generator connects to the upstream itself",
    modes: ["http", "tcp"],
    missing: null,
    start: (setup: TargetSetup): Promise<RunningTarget> =>
      Promise.resolve({ child: null, port: setup.upstreamPort, readyMs: 0 }),
  };
}
