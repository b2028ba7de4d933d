// Outrigger as a process of its own, as a user starts it: arguments, signals, log lines, exit code.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outriggerCommand } from "../kit/proxy-process.ts";

/** Anything that takes longer has failed. */
const PATIENCE_MS = 20_000;

export class RunningProxy {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  private readonly exited: Promise<unknown[]>;

  constructor(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    const { executable, args: first } = outriggerCommand();
    const env = { ...process.env, ...variables };
    this.child = spawn(executable, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
    this.child.stdout?.on("data", (bytes: Buffer) => {
      this.stdout += bytes.toString();
    });
    this.child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    this.exited = once(this.child, "close");
  }

  /** Starts it and waits until it serves. */
  static async ready(
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<RunningProxy> {
    const proxy = new RunningProxy(args, variables);
    try {
      await proxy.says("ready after");
    } catch (error) {
      await proxy.kill();
      throw error;
    }
    return proxy;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Physical memory in bytes (Linux). */
  get residentBytes(): number {
    const pages = readFileSync(`/proc/${this.child.pid}/statm`, "latin1").split(" ")[1];
    return Number(pages) * 4096;
  }

  /** Waits until its log holds the text `times` times. */
  async says(text: string, times: number = 1): Promise<void> {
    const said = (): boolean => this.stderr.split(text).length > times;
    await eventually(`"${text}" in the log`, () => said() || !this.running);
    if (!said()) throw new Error(`ended without saying "${text}":\n${this.stderr}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The exit code. */
  async exit(): Promise<number | null> {
    await this.exited;
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.running) this.child.kill("SIGKILL");
    await this.exited;
  }
}

/** A folder that goes with the test. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "outrigger-"));

  /** A file moved into place, as editors and Kubernetes do. */
  write(name: string, text: string): string {
    const file = join(this.path, name);
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    return file;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    try {
      return readFileSync(join(this.path, name), "utf8");
    } catch {
      return "";
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Looks again and again, since files and processes announce nothing. */
export function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  return new Promise((resolve, reject) => {
    const looking = setInterval(() => {
      const held = holds();
      if (!held && performance.now() < deadline) return;
      clearInterval(looking);
      if (held) resolve();
      else reject(new Error(`${what}: not within ${PATIENCE_MS} ms`));
    }, 10);
  });
}
