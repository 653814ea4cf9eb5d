import type { JsonObject } from "../json/value.ts";

/**
 * Stands in a call's arguments for a value that is there and that nobody kept, when a recorded call is judged again. It is
 * known by its identity alone, so nothing that came in a message can be taken for it.
 */
export const unread: JsonObject = new Map();

/** Why a comparison has no outcome: the value was there, but is not known any more. */
export interface Unread {
  readonly why: string;
  readonly unread: true;
}

export const notStored: Unread = { why: "the value is not stored", unread: true };

/** The arguments of a call of which only the top-level keys are known. */
export const unreadArguments = (keys: readonly string[]): JsonObject =>
  new Map(keys.map((key) => [key, unread]));

export const holdsUnread = (args: JsonObject): boolean => args.values().some((value) => value === unread);
