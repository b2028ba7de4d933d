/**
 * Notices a worker whose event loop does not turn any more. Envoy: `Server::GuardDog`, which kills
 * the process.
 */
import type { Timer, Timers } from "../../platform/time.ts";
import type { MessageCalls } from "./message-calls.ts";
import type { ToPlane } from "./plane-messages.ts";

const PING_MS = 5000;
/** Questions in a row without an answer: a machine that was suspended has missed one of them. */
const MISSED_MAX = 4;

export class ThreadWatch {
  private readonly calls: MessageCalls<ToPlane>;
  private readonly timers: Timers;
  private readonly onHung: (reason: string) => void;
  private timer: Timer | null = null;
  private missed = 0;

  constructor(calls: MessageCalls<ToPlane>, timers: Timers, onHung: (reason: string) => void) {
    this.calls = calls;
    this.timers = timers;
    this.onHung = onHung;
    this.ask();
  }

  close(): void {
    this.timer?.close();
  }

  private ask(): void {
    // A thread that ended is no longer watched.
    void this.calls.ask({ kind: "ping" }).then(() => {
      this.missed = 0;
    });
    this.timer = this.timers.after(PING_MS, () => this.check());
  }

  private check(): void {
    if (++this.missed > MISSED_MAX) {
      this.onHung(`has not answered for ${(MISSED_MAX * PING_MS) / 1000} s`);
      return;
    }
    this.ask();
  }
}
