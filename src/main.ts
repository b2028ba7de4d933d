/** Entry of the program: hands the arguments and the Node platform to the command line. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { toByteString } from "./base/byte-string.ts";
import type { CommandContext } from "./cli/command-context.ts";
import { main } from "./cli/program.ts";
import { WORKER_FLAGS } from "./cli/runtime-flags.ts";
import { ChildConfigLoader } from "./config/config-loader-protocol.ts";
import { ChildRequestChannel } from "./platform/node/child-requests.ts";
import { NodeFiles } from "./platform/node/files.ts";
import { LOG_OPTIONS } from "./platform/node/log-file.ts";
import { createNodePlatform } from "./platform/node/platform.ts";
import { readWholeFile } from "./platform/node/read-file.ts";
import { trimMemory } from "./platform/node/threads.ts";
import { createWorkerThreads, mainTurn } from "./platform/node/worker-threads.ts";

const WORKER = new URL("./server/threads/data-plane-worker.ts", import.meta.url);

const channel = new ChildRequestChannel(new URL("./server/config-child.ts", import.meta.url));
const threads = createWorkerThreads(WORKER, WORKER_FLAGS);
const files = new NodeFiles(mainTurn(threads));

const context: CommandContext = {
  platform: createNodePlatform(files),
  createLoader: async (kind) => {
    if (kind === "child") return new ChildConfigLoader(channel);
    const { createLocalConfigLoader } = await import("./config/local-config-loader.ts");
    return createLocalConfigLoader({ read: readWholeFile });
  },
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  openLogSink: (path) => {
    const log = files.openLog(path, LOG_OPTIONS);
    return (line) => log.append(toByteString(line));
  },
  processId: process.pid,
  runtimeVersion: process.version,
  environment: process.env,
  onStopSignal: (listener) => {
    process.on("SIGTERM", listener);
    process.on("SIGINT", listener);
  },
  onHangUpSignal: (listener) => void process.on("SIGHUP", listener),
  onReopenSignal: (listener) => void process.on("SIGUSR1", listener),
  onUncaughtError: (listener) => {
    process.on("uncaughtException", listener);
    process.on("unhandledRejection", listener);
  },
  reopenLogs: () => files.reopenLogs(),
  flushLogs: async () => void (await files.flushLogs()),
  processFacts: {
    memory: () => {
      const { heapUsed, heapTotal, rss, external } = process.memoryUsage();
      return { heapUsed, heapTotal, residentSet: rss, external };
    },
    runtimeVersion: process.version,
    commandLineOptions: {},
  },
  trimMemory,
  threads,
  runBench: (args) => runScript(benchScript(), args),
  writeFile: (path, text) => writeFile(path, text),
};

/** The load harness: its own bundle beside this one, or its source when this runs from source. */
function benchScript(): string {
  const bundled = join(import.meta.dirname, "bench.js");
  return existsSync(bundled) ? bundled : join(import.meta.dirname, "../bench/load/main.ts");
}

/** Runs another program of this package with the same runtime; resolves with its exit code. */
function runScript(script: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: "inherit" });
    child.on("exit", (code) => resolve(code ?? 1));
    child.on("error", () => resolve(1));
  });
}

// Whoever read the output may go: a command ends on its own account, and a proxy serves on.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

// The configuration child starts while the rest of this process is still loading.
if (process.argv.some((argument) => argument === "-c" || argument.startsWith("--config")))
  channel.start();

process.exitCode = await main(process.argv.slice(2), context);
// A pipe that nobody reads holds a thread in its write, and `exit` would wait for that thread.
if (!(await files.flushLogs())) process.kill(process.pid, "SIGKILL");
process.exit();
