// Does a random choice follow the shares it should? Pearson's chi-square test.

/** For 0.999 and so many degrees of freedom, by Wilson and Hilferty. */
export function chiSquareLimit(degrees: number): number {
  const normal = 3.0902;
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + normal * Math.sqrt(part)) ** 3;
}

/** The statistic over counts and their shares, which sum to 1. Shares of 0 must not be hit. */
export function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let statistic = 0;
  counts.forEach((count, index) => {
    const expected = total * (shares[index] as number);
    if (expected > 0) statistic += (count - expected) ** 2 / expected;
    else if (count > 0) statistic = Number.POSITIVE_INFINITY;
  });
  return statistic;
}
