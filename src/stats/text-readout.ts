/**
 * A stat whose value is a text (`version_text`, `control_plane.identifier`). Changes are rare and
 * travel to readers in other threads with the next slab update.
 */
import type { StatSlab } from "./slab.ts";

export class TextReadout {
  readonly #slab: StatSlab;
  /** −1: the stat was rejected by the matcher; nothing is kept. */
  readonly #id: number;

  constructor(slab: StatSlab, id: number) {
    this.#slab = slab;
    this.#id = id;
  }

  set(text: string): void {
    if (this.#id >= 0) this.#slab.setText(this.#id, text);
  }

  value(): string {
    return this.#id >= 0 ? this.#slab.text(this.#id) : "";
  }
}
