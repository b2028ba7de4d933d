// The harness's side of the hosts: ten ports, nine in one process and one, the bad one, in a
// process of its own, so that it can be stopped as a whole.
import type { ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import {
  BACKLOG,
  type Behaviour,
  type HostCounts,
  type HostsAnswer,
  type HostsOrder,
} from "./hosts.ts";

/** "blackhole": connections and requests vanish, as behind a dead node. */
export type Fault = Behaviour | "blackhole";

/** How long the kernel may take to fill the accept queue of a stopped process. */
const FILL_MS = 100;

export class Hosts {
  readonly ports: readonly number[];
  readonly #good: ChildProcess;
  readonly #bad: ChildProcess;
  #fillers: Socket[] = [];

  private constructor(good: ChildProcess, bad: ChildProcess, ports: readonly number[]) {
    this.#good = good;
    this.#bad = bad;
    this.ports = ports;
  }

  /** Waits for the ports of both processes; the bad host's is the last. */
  static async open(good: ChildProcess, bad: ChildProcess): Promise<Hosts> {
    const answers = await Promise.all([nextAnswer(good, "ports"), nextAnswer(bad, "ports")]);
    return new Hosts(
      good,
      bad,
      answers.flatMap(({ ports }) => ports),
    );
  }

  /** Makes the bad host behave so; "healthy" ends every fault. */
  async fault(fault: Fault): Promise<void> {
    if (this.#fillers.length > 0) this.#resume();
    if (fault !== "blackhole") {
      await this.#order({ type: "behave", host: 0, behaviour: fault });
      return;
    }
    this.#bad.kill("SIGSTOP");
    // The kernel still accepts for a stopped process until the queue is full; then SYNs are lost.
    const port = this.ports.at(-1) as number;
    this.#fillers = Array.from({ length: BACKLOG * 2 }, () => filler(port));
    await new Promise((resolve) => setTimeout(resolve, FILL_MS));
  }

  /** Requests of each host since the last call; the bad host is the last. */
  async counts(): Promise<readonly HostCounts[]> {
    const asked = [this.#good, this.#bad].map((child) => {
      const answer = nextAnswer(child, "counts");
      child.send({ type: "counts" } satisfies HostsOrder);
      return answer;
    });
    return (await Promise.all(asked)).flatMap(({ counts }) => counts);
  }

  #resume(): void {
    for (const socket of this.#fillers) socket.destroy();
    this.#fillers = [];
    this.#bad.kill("SIGCONT");
  }

  async #order(order: HostsOrder): Promise<void> {
    const done = nextAnswer(this.#bad, "done");
    this.#bad.send(order);
    await done;
  }
}

function filler(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => socket.destroy());
  return socket;
}

function nextAnswer<T extends HostsAnswer["type"]>(
  child: ChildProcess,
  type: T,
): Promise<Extract<HostsAnswer, { type: T }>> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error("a hosts process ended early"));
    const onMessage = (raw: unknown): void => {
      const answer = raw as HostsAnswer;
      if (answer.type !== type) return;
      child.off("message", onMessage);
      child.off("exit", ended);
      resolve(answer as Extract<HostsAnswer, { type: T }>);
    };
    child.on("message", onMessage);
    child.once("exit", ended);
  });
}
