import type { GateStub } from "../gate/rpc.ts";
import type { GrantId, TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import { deleteErasures, dropDocuments, type Erasure, takeErasures } from "../store/erasure.ts";
import type { LogStub } from "./deps.ts";

/** What it takes to empty what deleted teams have left. */
export interface ErasureDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => Pick<GateStub, "forget">;
  readonly log: (team: TeamId) => Pick<LogStub, "forget">;
}

const objectsAtOnce = 200;
const documentsAtOnce = 1_000;

/** Empties the objects that have waited longest, and drops texts without a user. Run every minute. */
export async function drainErasures(deps: ErasureDeps, nowMs: number): Promise<void> {
  const due = await takeErasures(deps.db, nowMs, objectsAtOnce);
  const done = (await Promise.all(due.map((one) => erased(deps, one)))).flat();
  await deps.db.batch([deleteErasures(deps.db, done), ...dropDocuments(deps.db, documentsAtOnce)]);
}

async function erased(deps: ErasureDeps, one: Erasure): Promise<Erasure[]> {
  try {
    await (one.kind === "gate" ? deps.gate(one.name) : deps.log(one.name)).forget();
    return [one];
  } catch (error) {
    console.error("an object of a deleted team is not empty yet", { ...one, error });
    return [];
  }
}
