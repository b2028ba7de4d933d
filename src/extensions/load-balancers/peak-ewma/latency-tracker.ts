// hot: per request
/**
 * What one host's requests teach: a peak-sensitive, exponentially weighted moving average of the
 * time to the response head, and who still waits for one. Kept per data plane: latency as seen from
 * this event loop, with no word shared between threads.
 */
import type { HeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { Dispatcher } from "../../../platform/dispatcher.ts";
import type { AttemptOutcome, Host, HostFeedback } from "../../../upstream/host.ts";
import type { PeakEwmaConfig } from "./config.ts";

const UNKNOWN = -1;
/** Below this all hosts are equally fast: what is left is noise. */
const FLOOR_MS = 1;
/** A probe counts for at least so much, whatever the time since the last answer. */
const PROBE_SHARE = 0.5;

export class LatencyTracker implements HostFeedback {
  readonly host: Host;
  /** Requests that chose this host and have not ended. */
  outstanding = 0;
  private readonly config: PeakEwmaConfig;
  private readonly dispatcher: Dispatcher;
  private averageMs: number = UNKNOWN;
  private observedMs = 0;
  /** When it was last chosen, and when it may be probed again. */
  private chosenMs: number;
  private probing = false;
  private wellProbed = false;
  /** Those that wait for a response head: how many, and the sum of their start times. */
  private waiting = 0;
  private startSumMs = 0;

  constructor(host: Host, config: PeakEwmaConfig, dispatcher: Dispatcher) {
    this.host = host;
    this.config = config;
    this.dispatcher = dispatcher;
    this.chosenMs = dispatcher.monotonicMs();
  }

  /** The latency to expect now; −1 when nothing is known. */
  expectedMs(nowMs: number): number {
    const waitedMs = this.waiting === 0 ? 0 : nowMs - this.startSumMs / this.waiting;
    if (this.averageMs === UNKNOWN) return waitedMs > FLOOR_MS ? waitedMs : UNKNOWN;
    const faded = this.averageMs * Math.exp((this.observedMs - nowMs) / this.config.decayTimeMs);
    return Math.max(faded, waitedMs, FLOOR_MS);
  }

  /** Nobody was sent here for a while, or the last probe was good and one is not enough. */
  wantsProbe(nowMs: number): boolean {
    if (this.outstanding > 0 || this.averageMs === UNKNOWN) return false;
    return this.wellProbed || nowMs - this.chosenMs >= this.config.probeIntervalMs;
  }

  beginProbe(): void {
    this.probing = true;
    this.wellProbed = false;
  }

  requestStarted(startMs: number): void {
    this.outstanding++;
    this.waiting++;
    this.startSumMs += startMs;
    this.chosenMs = startMs;
  }

  responseReceived(headers: ResponseHeaderMap, latencyMs: number): void {
    this.stopWaiting(this.dispatcher.nowMs - latencyMs);
    const { failurePenaltyMs } = this.config;
    this.observe(headers.status >= 500 ? Math.max(latencyMs, failurePenaltyMs) : latencyMs);
  }

  trailersReceived(_trailers: HeaderMap): void {
    // The head says enough.
  }

  requestEnded(startMs: number, outcome: AttemptOutcome): void {
    this.outstanding--;
    if (outcome === "answered" || outcome === "broken") return;
    this.stopWaiting(startMs);
    const waitedMs = this.dispatcher.nowMs - startMs;
    if (outcome === "failed") this.observe(Math.max(waitedMs, this.config.failurePenaltyMs));
    // Given up: it would have taken longer than this.
    else if (waitedMs > this.averageMs) this.observe(waitedMs);
  }

  /** A peak counts at once; what is better wins the average over slowly, or by probes. */
  private observe(latencyMs: number): void {
    const nowMs = this.dispatcher.nowMs;
    const before = this.averageMs;
    if (before === UNKNOWN || latencyMs >= before) {
      this.averageMs = latencyMs;
    } else {
      const age = Math.exp((this.observedMs - nowMs) / this.config.decayTimeMs);
      const keep = this.probing ? Math.min(age, PROBE_SHARE) : age;
      this.averageMs = before * keep + latencyMs * (1 - keep);
      this.wellProbed = this.probing && this.averageMs > 2 * Math.max(latencyMs, FLOOR_MS);
    }
    this.probing = false;
    this.observedMs = nowMs;
  }

  private stopWaiting(startMs: number): void {
    this.waiting--;
    // The sum starts over with nobody waiting: no rounding adds up.
    this.startSumMs = this.waiting === 0 ? 0 : this.startSumMs - startMs;
  }
}
