// The generator process: takes jobs over IPC, runs one at a time, answers with a result.
import type { LoadResult } from "../engines/load-result.ts";
import { runClosed, runCount } from "./closed-loop.ts";
import { runIdle } from "./idle.ts";
import type { GeneratorJob, GeneratorMessage } from "./job.ts";
import { runOpen } from "./open-loop.ts";
import { runTcp } from "./tcp.ts";

/** Tells the harness that connections are up; resolves when it says go. */
export type Ready = () => Promise<void>;

export function runGenerator(): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", (raw) => {
    const message = raw as { type: string; job?: GeneratorJob };
    if (message.type !== "job" || message.job === undefined) return;
    runJob(message.job, ready).then(
      (result) => reply({ type: "result", result }),
      (error: unknown) => reply({ type: "failed", reason: String(error) }),
    );
  });
}

function runJob(job: GeneratorJob, whenReady: Ready): Promise<LoadResult> {
  switch (job.kind) {
    case "closed":
      return runClosed(job, whenReady);
    case "count":
      return runCount(job, whenReady);
    case "open":
      return runOpen(job, whenReady);
    case "tcp":
      return runTcp(job, whenReady);
    case "idle":
      return runIdle(job, whenReady);
  }
}

function ready(): Promise<void> {
  return new Promise((resolve) => {
    const onMessage = (raw: unknown): void => {
      if ((raw as { type: string }).type !== "go") return;
      process.off("message", onMessage);
      resolve();
    };
    process.on("message", onMessage);
    reply({ type: "connected" });
  });
}

function reply(message: GeneratorMessage): void {
  process.send?.(message);
}
