// hot: per request
/**
 * A number that goes up and down, in one cell of a slab. The handle holds no state: two handles of
 * one name share the cell.
 */
export class Gauge {
  readonly cells: Float64Array;
  readonly index: number;

  constructor(cells: Float64Array, index: number) {
    this.cells = cells;
    this.index = index;
  }

  inc(): void {
    (this.cells[this.index] as number)++;
  }

  dec(): void {
    (this.cells[this.index] as number)--;
  }

  add(amount: number): void {
    (this.cells[this.index] as number) += amount;
  }

  sub(amount: number): void {
    (this.cells[this.index] as number) -= amount;
  }

  set(value: number): void {
    this.cells[this.index] = value;
  }

  /** This data plane's share; the merged value over all data planes comes from StatsReader. */
  value(): number {
    return (this.cells[this.index] as number) + 0;
  }
}
