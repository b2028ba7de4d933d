/** Changes of configuration take turns: one is complete before the next begins. */
export class ConfigTurns {
  /** The end of the last turn that was asked for. */
  private last: Promise<void> = Promise.resolve();

  /** Resolves when all earlier turns are over; the result ends this one. */
  take(): Promise<() => void> {
    const before = this.last;
    let end: () => void = () => undefined;
    this.last = new Promise((resolve) => {
      end = resolve;
    });
    return before.then(() => end);
  }
}
