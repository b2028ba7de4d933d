// What a test must not leave behind: open sockets, listening sockets, armed timers, gauges above
// zero, throws that a dispatcher caught.
import assert from "node:assert/strict";
import type { Dispatcher } from "../../src/platform/dispatcher.ts";
import type { MemoryNetwork } from "./memory-network.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** A gauge by name. */
export interface GaugeReading {
  readonly name: string;
  readonly value: number;
}

export interface LeakSubjects {
  readonly time: SimulatedTime;
  readonly network?: MemoryNetwork;
  readonly dispatchers?: readonly Dispatcher[];
  /** Gauges that count live things (active connections, buffered bytes). */
  readonly gauges?: () => readonly GaugeReading[];
}

/** Fails when something is left open. Lets pending deliveries finish first. */
export async function assertNoLeaks(subjects: LeakSubjects): Promise<void> {
  await subjects.time.advance(0);
  assert.deepEqual(leaks(subjects), [], "the test left something behind");
}

/** A line per thing left behind. */
export function leaks(subjects: LeakSubjects): string[] {
  const found: string[] = [];
  for (const socket of subjects.network?.open ?? []) {
    found.push(`socket from ${socket.local.ip}:${socket.local.port} to port ${socket.remote.port}`);
  }
  for (const address of subjects.network?.listening() ?? []) found.push(`listener on ${address}`);
  for (const dispatcher of subjects.dispatchers ?? []) {
    if (dispatcher.armedTimers > 0) found.push(`${dispatcher.armedTimers} armed timers`);
  }
  for (const { name, value } of subjects.gauges?.() ?? []) {
    if (value !== 0) found.push(`gauge ${name} is ${value}`);
  }
  for (const bug of subjects.time.bugs) found.push(`a throw reached the dispatcher: ${bug}`);
  return found;
}
