import type { Asked } from "./setting.ts";
import type { Way } from "./way.ts";

/** One way in which one dependency fails. */
export interface Point {
  /** The dependency. */
  readonly at: string;
  readonly how: "throws" | "hangs" | "lies";
  /** What it does, or says. */
  readonly what: string;
  /** The message whose way leads past it. */
  readonly on: Asked;
  readonly breaks: (way: Way) => void | Promise<void>;
  /** A call goes through before it breaks. */
  readonly late?: true;
}

export const nameOf = ({ at, how, what }: Point): string => `${at} ${how}: ${what}`;

/** Throws at once, as code does that is wrong. */
export const throwing = (): never => {
  throw new Error("broken");
};
/** Fails as something far away does. */
export const rejecting = (): Promise<never> => Promise.reject(new Error("broken"));
/** Never answers. */
export const hanging = (): Promise<never> => new Promise(() => undefined);

/** What somebody says who should say something else. */
// biome-ignore lint/suspicious/noExplicitAny: a lie has no type
export const lie = (value: unknown): any => value;

/** The name of a lie in a list of points. */
export const inWords = (value: unknown): string =>
  value === undefined
    ? "undefined"
    : (JSON.stringify(value, (_, member) =>
        typeof member === "bigint" ? `${member}n` : typeof member === "number" ? String(member) : member,
      ) ?? String(value));
