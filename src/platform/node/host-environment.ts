/** `HostEnvironment` over the Node process. */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import type { FileContent, HostEnvironment } from "../host-environment.ts";

export class NodeHostEnvironment implements HostEnvironment {
  readonly hostname: string = hostname();
  readonly address: string = ownAddress();

  variable(name: string): string | undefined {
    return process.env[name];
  }

  readFile(path: string): FileContent {
    try {
      return { kind: "read", bytes: readFileSync(path) };
    } catch (error) {
      return { kind: "failed", code: codeOf(error) };
    }
  }

  appendProblem(path: string): string | null {
    try {
      if (path === "/dev/stdout" || path === "/dev/stderr") return null;
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) return "EISDIR";
      accessSync(stat === undefined ? dirname(path) : path, constants.W_OK);
      return null;
    } catch (error) {
      return codeOf(error);
    }
  }

  readonly utcOffsetMinutes = (wallMs: number): number => -new Date(wallMs).getTimezoneOffset();
}

/** Envoy: `Network::Utility::getLocalAddress`, the first address that is no loopback. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find(({ family, internal }) => family === "IPv4" && !internal);
    if (found !== undefined) return found.address;
  }
  return "127.0.0.1";
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
