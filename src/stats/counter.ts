// hot: per request
/**
 * A number that only grows, in one cell of a slab. The handle holds no state: two handles of one
 * name share the cell.
 */
export class Counter {
  readonly cells: Float64Array;
  readonly index: number;

  constructor(cells: Float64Array, index: number) {
    this.cells = cells;
    this.index = index;
  }

  inc(): void {
    (this.cells[this.index] as number)++;
  }

  /** Amount ≥ 0. */
  add(amount: number): void {
    (this.cells[this.index] as number) += amount;
  }

  /** This data plane's share; the sum over all data planes comes from StatsReader. */
  value(): number {
    return (this.cells[this.index] as number) + 0;
  }
}
