/**
 * What a listener waits for before it serves. Envoy: `Init::Manager`, `Init::Target`
 * (envoy/init/manager.h).
 */

/** Open when nothing holds it. */
export class WarmingGate {
  private holds = 0;
  private waiting: (() => void)[] = [];

  /**
   * Keeps the gate closed until the returned function is called (calls after the first do nothing).
   */
  hold(): () => void {
    this.holds++;
    let held = true;
    return (): void => {
      if (!held) return;
      held = false;
      if (--this.holds === 0) this.open();
    };
  }

  get isOpen(): boolean {
    return this.holds === 0;
  }

  /** Calls back once the gate is open: at once when nothing holds it. */
  whenOpen(callback: () => void): void {
    if (this.holds === 0) callback();
    else this.waiting.push(callback);
  }

  private open(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const callback of waiting) callback();
  }
}
