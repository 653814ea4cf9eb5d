import * as z from "zod/mini";
import { type After, fromStart } from "../store/database.ts";

/** How many items a page has at most; from a query, so a number's text. */
export const pageLimit = z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200)), 50);
const limit = pageLimit.check(z.describe("How many items at most."));

const cursorText = z.string().check(z.maxLength(200), z.describe("`next_cursor` of the page before."));

/** The query of a list that is ordered by age. */
export const pageQuery = z.strictObject({
  limit,
  cursor: z.pipe(z.optional(cursorText), z.transform(readAfter)),
});

/** The query of a list whose cursor is its own kind of key. */
export const keyedQuery = z.strictObject({ limit, cursor: z.optional(cursorText) });

/** The shape of a page of `item`s. */
export const pageOf = <S extends z.ZodMiniType>(item: S) =>
  z.strictObject({ items: z.array(item), next_cursor: z.nullable(z.string()) });

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

function readAfter(text: string | undefined, payload: z.core.ParsePayload): After {
  if (text === undefined) return fromStart;
  const [, createdAt, id] = /^([0-9]{1,15})\.([a-z0-9_.]{1,60})$/.exec(text) ?? [];
  if (createdAt && id) return { createdAt: Number(createdAt), id };
  payload.issues.push({ code: "custom", message: "not a cursor of this list", input: text });
  return z.NEVER;
}
