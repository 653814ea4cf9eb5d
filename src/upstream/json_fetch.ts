import { type Fault, fault, isFault } from "../fault.ts";
import { type FetchDeps, guardedFetch } from "./fetch.ts";

const bytesMax = 65_536;
const timeoutMsDefault = 10_000;

/** A JSON object that somebody else wrote: nothing of it may be believed before it was looked at. */
export type Foreign = Readonly<Record<string, unknown>>;

/** A JSON answer with its status; the object is empty where the body is none. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: Foreign;
}

/** Fetches what should be JSON, 64 KiB of it at most, within 10 s unless told otherwise. A fault where nothing whole came back. */
export async function fetchJson(
  deps: FetchDeps,
  url: string,
  init: RequestInit = {},
  timeoutMs = timeoutMsDefault,
): Promise<JsonAnswer | Fault> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  headers.set("User-Agent", "portcullis/0.1.0");
  const answer = await guardedFetch(deps, url, { ...init, headers }, { bytesMax, timeoutMs });
  if (isFault(answer)) return answer;
  try {
    return { status: answer.status, body: objectIn(await answer.text()) };
  } catch {
    return fault("upstream_bad", "An answer of the authorization server broke off or was too long.");
  }
}

function objectIn(text: string): Foreign {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Foreign) : {};
  } catch {
    return {};
  }
}

/** The text under a key, or null where there is none. */
export function textAt(body: Foreign, key: string): string | null {
  const value = Object.hasOwn(body, key) ? body[key] : undefined;
  return typeof value === "string" ? value : null;
}

/** The texts in the array under a key; null where there is no array. */
export function textsAt(body: Foreign, key: string): readonly string[] | null {
  const value = Object.hasOwn(body, key) ? body[key] : undefined;
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : null;
}

const shownMax = 200;

/** Text of a stranger's that a person will read: short, printable, one line. */
export const legible = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, shownMax);
