/** A Markdown table: the first column reads from the left, the others are figures. */
export function rows(heads: readonly string[], lines: readonly string[]): string {
  const [, ...figures] = heads;
  return [row(...heads), `|---|${figures.map(() => "--:|").join("")}`, ...lines].join("\n");
}

export const row = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** A figure as it is read; a dash where there is none. */
export const figure = (value: number, digits = 0): string =>
  Number.isFinite(value)
    ? value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : "–";
