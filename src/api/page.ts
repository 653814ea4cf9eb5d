import * as z from "zod";
import { type After, fromStart } from "../store/database.ts";

const limit = z.coerce.number().int().min(1).max(200).default(50).describe("How many items at most.");

const cursorText = z.string().max(200).describe("`next_cursor` of the page before.");

/** The query of a list that is ordered by age. */
export const pageQuery = z.strictObject({
  limit,
  cursor: cursorText.optional().transform(readAfter),
});

/** The query of a list whose cursor is its own kind of key. */
export const keyedQuery = z.strictObject({ limit, cursor: cursorText.optional() });

/** The shape of a page of `item`s. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/** A page made of up to `limit + 1` rows: the one too many says that there is more. */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  show: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(show), next_cursor: more ? cursorOf(last) : null };
}

/** The cursor behind a row of a list that is ordered by age. */
export const ageCursor = (row: { createdAt: number; id: string }): string => `${row.createdAt}.${row.id}`;

function readAfter(text: string | undefined, context: z.RefinementCtx): After {
  if (text === undefined) return fromStart;
  const [, createdAt, id] = /^([0-9]{1,15})\.([a-z0-9_]{1,40})$/.exec(text) ?? [];
  if (createdAt && id) return { createdAt: Number(createdAt), id };
  context.addIssue({ code: "custom", message: "not a cursor of this list" });
  return z.NEVER;
}
