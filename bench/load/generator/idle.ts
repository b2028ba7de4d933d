// Idle connections: opened, kept, used once, closed, each step a job of its own, so that the
// harness can read the target's memory in between.
import type { LoadResult } from "../engines/load-result.ts";
import { ClientConnection, PreparedRequest } from "./connection.ts";
import type { IdleJob } from "./job.ts";
import type { Ready } from "./main.ts";

/** How many connects or requests are under way at a time: below every listen backlog. */
const AT_ONCE = 64;

const kept: ClientConnection[] = [];
const waiters = new Map<ClientConnection, (ok: boolean) => void>();
const events = {
  onResponse: (connection: ClientConnection): void => settle(connection, true),
  onEnd: (connection: ClientConnection): void => settle(connection, false),
};

export async function runIdle(job: IdleJob, ready: Ready): Promise<LoadResult> {
  await ready();
  const begin = performance.now();
  let errors = 0;
  if (job.step === "close") {
    for (const connection of kept.splice(0)) connection.close();
  } else {
    const step = job.step === "open" ? openOne(job) : requestOne(job);
    errors = await inParallel(job.connections, step);
  }
  return {
    engine: "own idle",
    completed: kept.filter((connection) => !connection.ended).length,
    errors,
    seconds: (performance.now() - begin) / 1000,
    bytes: 0,
    latencyMicros: null,
  };
}

function settle(connection: ClientConnection, ok: boolean): void {
  waiters.get(connection)?.(ok);
  waiters.delete(connection);
}

function openOne(job: IdleJob): (index: number) => Promise<boolean> {
  return (index) =>
    new Promise((resolve) => {
      const connection = new ClientConnection(job.port, index, events, () => {
        waiters.delete(connection);
        resolve(true);
      });
      waiters.set(connection, resolve);
      kept.push(connection);
    });
}

function requestOne(job: IdleJob): (index: number) => Promise<boolean> {
  const request = new PreparedRequest(job.shape);
  return (index) =>
    new Promise((resolve) => {
      const connection = kept[index];
      if (connection === undefined || connection.ended) {
        resolve(false);
        return;
      }
      waiters.set(connection, resolve);
      connection.send(request, 0);
    });
}

async function inParallel(
  count: number,
  step: (index: number) => Promise<boolean>,
): Promise<number> {
  let next = 0;
  let errors = 0;
  const loop = async (): Promise<void> => {
    while (next < count) if (!(await step(next++))) errors++;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  return errors;
}
