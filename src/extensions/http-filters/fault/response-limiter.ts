// hot: per chunk
/**
 * Paces a response body to so many KiB per second: every 50 ms as much leaves as has come into a
 * token bucket of one second's worth, which starts with one interval's worth. Envoy:
 * `StreamRateLimiter` (source/extensions/filters/http/common/stream_rate_limiter.cc).
 */
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";

const INTERVAL_MS = 50;
const EMPTY: Buffer = Buffer.alloc(0);

export class ResponseLimiter implements TimerOwner {
  private readonly callbacks: HttpFilterCallbacks;
  private readonly bytesPerSecond: number;
  private readonly timer: Timer;
  private readonly held: Buffer[] = [];
  private heldBytes = 0;
  private tokens: number;
  private filledMs: number;
  private ended = false;
  private trailers = false;
  private paused = false;

  constructor(callbacks: HttpFilterCallbacks, kbps: number) {
    this.callbacks = callbacks;
    this.bytesPerSecond = kbps * 1024;
    this.tokens = Math.floor((this.bytesPerSecond * INTERVAL_MS) / 1000);
    this.filledMs = callbacks.dispatcher.nowMs;
    this.timer = callbacks.dispatcher.create(this, 0);
  }

  /** `bytes` is borrowed. */
  write(bytes: Buffer, endStream: boolean): void {
    if (bytes.length > 0) this.held.push(Buffer.from(bytes));
    this.heldBytes += bytes.length;
    this.ended = endStream;
    const limit = this.callbacks.encoderBufferLimit();
    if (limit > 0 && this.heldBytes > limit && !this.paused) {
      this.paused = true;
      this.callbacks.responseReadDisable(true);
    }
    if (!this.timer.armed) this.timer.arm(0);
  }

  /** True: they wait until the body has left. */
  holdTrailers(): boolean {
    this.ended = true;
    this.trailers = true;
    return this.heldBytes > 0;
  }

  close(): void {
    this.timer.close();
  }

  onTimer(): void {
    const bytes = this.take(this.consume(this.heldBytes));
    if (this.heldBytes > 0) this.timer.arm(INTERVAL_MS);
    this.resume();
    this.callbacks.injectEncodedData(bytes, this.ended && this.heldBytes === 0 && !this.trailers);
    if (this.heldBytes === 0 && this.trailers) this.callbacks.continueEncoding();
  }

  /** As many tokens as there are, at most `wanted`. */
  private consume(wanted: number): number {
    const { nowMs } = this.callbacks.dispatcher;
    const gained = ((nowMs - this.filledMs) * this.bytesPerSecond) / 1000;
    this.tokens = Math.min(this.bytesPerSecond, this.tokens + gained);
    this.filledMs = nowMs;
    const taken = Math.min(wanted, Math.floor(this.tokens));
    this.tokens -= taken;
    return taken;
  }

  private take(length: number): Buffer {
    if (length === 0) return EMPTY;
    const whole = this.held.length === 1 ? (this.held[0] as Buffer) : Buffer.concat(this.held);
    this.held.length = 0;
    this.heldBytes = whole.length - length;
    if (this.heldBytes > 0) this.held.push(whole.subarray(length));
    return whole.subarray(0, length);
  }

  /** Below half of the limit the upstream may send again. */
  private resume(): void {
    if (!this.paused || this.heldBytes > this.callbacks.encoderBufferLimit() / 2) return;
    this.paused = false;
    this.callbacks.responseReadDisable(false);
  }
}
