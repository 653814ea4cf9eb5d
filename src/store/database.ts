import type { TeamId } from "../id.ts";

/** A D1 database, asked without a session: D1 then answers every query from the primary, never from a replica. */
export type Db = Pick<D1Database, "prepare" | "batch">;

/** The database that holds a team's rows. One binding today; the argument is what a second one will be chosen by. */
export const shardOf = (_team: TeamId, db: Db): Db => db;

/** Where a list goes on: the sort key of the last row that was shown. */
export interface After {
  readonly createdAt: number;
  readonly id: string;
}

/** A key before every row's, for the first page. */
export const fromStart: After = { createdAt: 0, id: "" };

/** Whether `error` is D1's report of a broken UNIQUE or PRIMARY KEY, which is how a lost race shows itself. */
export const isTaken = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("UNIQUE constraint failed");
