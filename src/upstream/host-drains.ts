/** Hosts and pools that take no new requests and let the last ones finish: counted to their end. */
import type { UpstreamHost } from "./upstream-host.ts";

export class HostDrains {
  private busy = 0;
  private done: (() => void) | null = null;
  private readonly onOneDone = (): void => {
    this.busy--;
    this.check();
  };

  /** The host leaves for good. */
  retire(host: UpstreamHost): void {
    this.busy++;
    host.drain(this.onOneDone);
  }

  /**
   * The host stays; its next request opens new pools. With `closeTcp` its TCP connections end now:
   * after the pools were taken away, so that whoever tries again at once gets another.
   */
  replacePools(host: UpstreamHost, closeTcp: boolean = false): void {
    const { http, tcp } = host.takePools();
    for (const pool of [...http, ...tcp]) {
      this.busy++;
      pool.drain(this.onOneDone);
    }
    if (closeTcp) for (const pool of tcp) pool.closeConnections();
  }

  /** Calls back once, at once when nothing drains. */
  whenDone(done: () => void): void {
    this.done = done;
    this.check();
  }

  private check(): void {
    if (this.busy > 0 || this.done === null) return;
    const { done } = this;
    this.done = null;
    done();
  }
}
