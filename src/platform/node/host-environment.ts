/** `HostEnvironment` over the Node process. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import type { FileContent, HostEnvironment } from "../host-environment.ts";

export class NodeHostEnvironment implements HostEnvironment {
  readonly hostname: string = hostname();

  variable(name: string): string | undefined {
    return process.env[name];
  }

  readFile(path: string): FileContent {
    try {
      return { kind: "read", bytes: readFileSync(path) };
    } catch (error) {
      return { kind: "failed", code: (error as NodeJS.ErrnoException).code ?? String(error) };
    }
  }

  readonly utcOffsetMinutes = (wallMs: number): number => -new Date(wallMs).getTimezoneOffset();
}
