/** How long to wait before a dead worker is replaced: a crash loop must not take the machine. */

/** Who lived this long did not die of its start. */
const HEALTHY_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

export class RestartBackoff {
  private readonly time: { monotonicMs(): number };
  private startedMs = 0;
  private shortLives = 0;

  constructor(time: { monotonicMs(): number }) {
    this.time = time;
  }

  started(): void {
    this.startedMs = this.time.monotonicMs();
  }

  /** The first time at once, then doubled. */
  nextDelayMs(): number {
    const livedMs = this.time.monotonicMs() - this.startedMs;
    if (livedMs >= HEALTHY_MS) this.shortLives = 0;
    const delayMs = this.shortLives === 0 ? 0 : FIRST_DELAY_MS * 2 ** (this.shortLives - 1);
    this.shortLives++;
    return Math.min(delayMs, LONGEST_DELAY_MS);
  }
}
