// hot: per request
/**
 * The last answer to a health check, forgotten whenever cache_time has passed. Envoy:
 * `HealthCheckCacheManager`, whose timer runs all the time; here the clock tells the same.
 */
export class ResponseCache {
  status = 200;
  degraded = false;
  private readonly cacheMs: number;
  /** Which stretch of `cacheMs` the answer is of. */
  private period = -1;

  constructor(cacheMs: number) {
    this.cacheMs = cacheMs;
  }

  store(status: number, degraded: boolean, nowMs: number): void {
    this.status = status;
    this.degraded = degraded;
    this.period = Math.floor(nowMs / this.cacheMs);
  }

  isFresh(nowMs: number): boolean {
    return this.period === Math.floor(nowMs / this.cacheMs);
  }
}
