import type { GateStub } from "../gate/rpc.ts";
import type { ConnectionId, GrantId, TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import { deleteErasures, dropDocuments, type Erasure, takeErasures } from "../store/erasure.ts";
import type { AccountStub } from "../upstream/account.ts";
import type { LogStub } from "./deps.ts";

/** What it takes to empty what deleted teams and ended connections have left. */
export interface ErasureDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => Pick<GateStub, "forget">;
  readonly log: (team: TeamId) => Pick<LogStub, "forget">;
  readonly account: (connection: ConnectionId) => Pick<AccountStub, "forget">;
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
    await forget(deps, one);
    return [one];
  } catch (error) {
    console.error("an object that is to be erased is not empty yet", { ...one, error });
    return [];
  }
}

function forget(deps: ErasureDeps, one: Erasure): Promise<void> {
  switch (one.kind) {
    case "gate":
      return deps.gate(one.name).forget();
    case "log":
      return deps.log(one.name).forget();
    case "account":
      return deps.account(one.name).forget();
  }
}
