// What a reader must know about the machine: printed with every result.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { canPin } from "./processes/spawn.ts";

export function describeMachine(wrkVersion: string): Readonly<Record<string, string>> {
  const governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
  return {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: `${process.platform} ${release()}`,
    governor: readLine(governor),
    tcp: readLine("/proc/sys/net/ipv4/tcp_congestion_control"),
    node: process.version,
    pinning: canPin ? "proxy on core 0; generator and upstream on core 1" : "none (no taskset)",
    wrk: wrkVersion || "not installed",
  };
}

function readLine(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "not exposed";
  }
}
