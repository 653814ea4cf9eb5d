import { figure, row, rows } from "./table.ts";

/** A figure and the most that it may be; null where nothing was promised. */
export interface Goal {
  readonly name: string;
  readonly unit: string;
  readonly most: number | null;
  readonly value: number;
}

export const goalTable = (goals: readonly Goal[]): string =>
  rows(["", "measured", "goal", "met"], goals.map(line));

const line = ({ name, unit, most, value }: Goal): string =>
  most === null
    ? row(name, `${figure(value, 2)} ${unit}`, "–", "–")
    : row(name, `${figure(value, 2)} ${unit}`, `≤ ${figure(most)} ${unit}`, value <= most ? "yes" : "no");
