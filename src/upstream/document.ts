import { type Fault, fault, isFault } from "../fault.ts";
import type { FetchDeps } from "./fetch.ts";
import { type Foreign, fetchJson } from "./json_fetch.ts";

/** The JSON object at an address that somebody named: a fault for any other status than 200, too. */
export async function readDocument(deps: FetchDeps, url: string): Promise<Foreign | Fault> {
  const answer = await fetchJson(deps, url);
  if (isFault(answer) || answer.status === 200) return isFault(answer) ? answer : answer.body;
  return fault("upstream_bad", `It answered with the status ${answer.status}.`);
}
