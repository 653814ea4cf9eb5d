/** The value that such a share of the values stay under; NaN of none. */
export const quantiles = (values: readonly number[]): ((share: number) => number) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (share) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
};

/** The value in the middle. */
export const median = (values: readonly number[]): number => quantiles(values)(0.5);
