// The harness's side of the generator process: one job at a time, with a pause between "connected"
// and "go" so that CPU is read without the cost of connecting.
import type { ChildProcess } from "node:child_process";
import type { LoadResult } from "../engines/load-result.ts";
import type { GeneratorJob, GeneratorMessage } from "./job.ts";

export class GeneratorProcess {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Runs a job; `onConnected` runs when the connections are up and before the first request. */
  run(job: GeneratorJob, onConnected?: () => void): Promise<LoadResult> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error("the generator process ended early"));
      const onMessage = (raw: unknown): void => {
        const message = raw as GeneratorMessage;
        if (message.type === "connected") {
          onConnected?.();
          child.send({ type: "go" });
          return;
        }
        child.off("message", onMessage);
        child.off("exit", ended);
        if (message.type === "result") resolve(message.result);
        else reject(new Error(message.reason));
      };
      child.on("message", onMessage);
      child.once("exit", ended);
      child.send({ type: "job", job });
    });
  }
}
